"""Monthly social-security figures: staff that leave, a base that shrinks, contributions that are owed."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from detectors.config import SocialSecurityConfig
from detectors.contract import Clearance, Context, Opinion
from detectors.memoryless import Memoryless

#: Months back from the newest one between which the same season of a year ago lies, and what came before it.
_SEASON, _BEFORE_SEASON = slice(-14, -11), slice(-20, -12)
#: A figure at this share of its low of a year ago is as low as then.
_AS_LOW = 0.9


def as_every_year(values: Sequence[float], share: float) -> bool:
    """Tell whether figures fell by that share at this season a year ago, too, and are now no lower than then."""
    low = min((value for value in values[_SEASON] if value == value), default=0.0)
    high = max((value for value in values[_BEFORE_SEASON] if value == value), default=0.0)
    return 0 < low <= (1 - share) * high and values[-1] >= _AS_LOW * low


class HeadcountFall(Memoryless):
    """An insured headcount that falls by a fifth or more from one month to the next, and has not come back.

    A fall that comes every year at this season is none.

    Parameters
    ----------
    config
        Shares, least headcount, severities, and for how many months a fall stands.
    """

    name = "social-security-headcount"
    version = 2
    family = "social_security"
    series = ("insured_headcount",)

    def __init__(self, config: SocialSecurityConfig) -> None:
        self._config = config

    def judge_one(self, memory: tuple[()], context: Context) -> Sequence[Opinion]:
        """Return the fall that still stands, from the highest level if there were several."""
        config = self._config
        known = context.series.get("insured_headcount")
        if known is None:
            return ()
        present = [(known.last - back, v) for back, v in enumerate(reversed(known.values)) if v == v]
        if len(present) < 2:
            return ()
        newest = present[0][1]
        if as_every_year(known.values, config.fall_share):
            return ()
        standing = [
            (before, month)
            for (month, after), (_, before) in pairwise(present)
            if known.last - month < config.fall_months
            and before >= config.min_headcount
            and after <= (1 - config.fall_share) * before
            and newest <= (1 - config.fall_share / 2) * before
        ]
        if not standing:
            return ()
        before, month = max(standing)
        return (
            Opinion(
                "social_security.headcount-fall",
                self._severity(1 - newest / before),
                observed=newest,
                expected=before,
                unit=known.unit,
                since=context.calendar.month_start(month),
                half_life_days=config.half_life_days,
                clearance=Clearance("insured_headcount", (1 - config.fall_share / 2) * before, known.unit, 1),
            ),
        )

    def _severity(self, fall: float) -> float:
        """Return how grave a fall is: it grows in the deeper half of the way to a deep one."""
        config = self._config
        middle = (config.fall_share + config.deep_fall_share) / 2
        depth = (fall - middle) / (config.deep_fall_share - middle) if middle < config.deep_fall_share else 1.0
        gain = config.deep_fall_severity - config.fall_severity
        return config.fall_severity + gain * min(max(depth, 0.0), 1.0)


class PayrollFall(Memoryless):
    """A contribution base that falls month after month, not as every year at this season.

    Parameters
    ----------
    config
        Months, share over all of them, severity.
    """

    name = "social-security-payroll"
    version = 2
    family = "social_security"
    series = ("contribution_base",)

    def __init__(self, config: SocialSecurityConfig) -> None:
        self._config = config

    def judge_one(self, memory: tuple[()], context: Context) -> Sequence[Opinion]:
        """Return the falling base, if it has fallen long enough."""
        config = self._config
        known = context.series.get("contribution_base")
        if known is None:
            return ()
        values, months = known.values, 0
        while months + 1 < len(values) and values[-1 - months] < values[-2 - months]:
            months += 1
        if months < config.payroll_months:
            return ()
        before = values[-1 - months]
        if not values[-1] <= (1 - config.payroll_share) * before or as_every_year(values, config.payroll_share):
            return ()
        return (
            Opinion(
                "social_security.payroll-fall",
                config.payroll_severity,
                observed=values[-1],
                expected=before,
                unit=known.unit,
                since=context.calendar.month_start(known.last - months + 1),
                half_life_days=config.half_life_days,
                clearance=Clearance("contribution_base", values[-1], known.unit, periods=1),
                facts={"months": float(months)},
            ),
        )


class ContributionArrears(Memoryless):
    """Contributions that are owed, worse when month follows month.

    Parameters
    ----------
    config
        Severities, and from how many months the higher one holds.
    """

    name = "social-security-arrears"
    version = 1
    family = "social_security"
    series = ("contribution_owed",)

    def __init__(self, config: SocialSecurityConfig) -> None:
        self._config = config

    def judge_one(self, memory: tuple[()], context: Context) -> Sequence[Opinion]:
        """Return the arrears of the newest month, if there are any."""
        config = self._config
        known = context.series.get("contribution_owed")
        if known is None or not known.values or not known.values[-1] > 0:
            return ()
        values, months = known.values, 1
        while months < len(values) and values[-1 - months] > 0:
            months += 1
        return (
            Opinion(
                "social_security.arrears",
                config.arrears_key_severity if months >= config.arrears_key_months else config.arrears_severity,
                observed=values[-1],
                unit=known.unit,
                since=context.calendar.month_start(known.last - months + 1),
                half_life_days=config.half_life_days,
                clearance=Clearance("contribution_owed", 1.0, known.unit, periods=1, above=False),
                facts={"months": float(months)},
            ),
        )
