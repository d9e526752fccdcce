"""Silence of one enterprise while others report: missing data, which is neither zero nor a collapse."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from detectors.cohort import Cohort
from detectors.config import ElectricityConfig
from detectors.contract import Context, Opinion
from detectors.memoryless import Memoryless


class Silence(Memoryless):
    """No reading for days, by an enterprise that used to report and whose peers do.

    Without a peer baseline of the newest day nothing is said: then the source may be silent, which is one incident
    and not a finding on each enterprise.

    Parameters
    ----------
    config
        How many days, and the severity: too low for a level by itself.
    """

    name = "electricity-silence"
    version = 1
    family = "electricity"
    series = ("daily_kwh",)

    def __init__(self, config: ElectricityConfig) -> None:
        self._config = config

    def suspects(self, memories: Sequence[Any], cohort: Cohort) -> Sequence[int]:
        """Return those of whom nothing came."""
        return [place for place, newest in enumerate(cohort.values) if newest != newest]

    def judge_one(self, memory: tuple[()], context: Context) -> Sequence[Opinion]:
        """Return the silence that stands, if one does."""
        known = context.series.get("daily_kwh")
        if known is None or not known.values or known.values[-1] == known.values[-1]:
            return ()
        values, days = known.values, 0
        while days < len(values) and values[-1 - days] != values[-1 - days]:
            days += 1
        if days < self._config.silent_days or days == len(values):
            return ()
        peers = context.peers.get("daily_kwh", ())
        if not peers or peers[-1] is None:
            return ()
        return (
            Opinion(
                "electricity.silence",
                self._config.silent_severity,
                unit=known.unit,
                since=context.calendar.day_start(known.last - days + 1),
                half_life_days=self._config.half_life_days,
                facts={"days": float(days)},
            ),
        )
