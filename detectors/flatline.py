"""A stuck meter: the same value, to the last digit, day after day."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from detectors.cohort import Cohort
from detectors.config import ElectricityConfig
from detectors.contract import Context, Opinion
from detectors.memoryless import Memoryless


class Flatline(Memoryless):
    """A daily reading that repeats itself exactly: what it says of the enterprise cannot be trusted.

    The few kilowatt-hours of an idle meter repeat themselves, too, and are no sign of a fault.

    Parameters
    ----------
    config
        How many days, and the severity. A day without a reading ends the repetition.
    """

    name = "electricity-flatline"
    version = 2
    family = "electricity"
    series = ("daily_kwh",)

    def __init__(self, config: ElectricityConfig) -> None:
        self._config = config

    def suspects(self, memories: Sequence[Any], cohort: Cohort) -> Sequence[int]:
        """Return those whose newest value is that of so many days ago."""
        back, least = self._config.stuck_days, self._config.min_usual_kwh
        return [
            place
            for place, known in enumerate(cohort.histories)
            if len(known) >= back
            and known[-1] == known[-back]
            and known.count(known[-1]) >= back
            and known[-1] >= least
        ]

    def judge_one(self, memory: tuple[()], context: Context) -> Sequence[Opinion]:
        """Return the stuck meter, if it is."""
        known = context.series.get("daily_kwh")
        least = self._config.stuck_days
        if known is None or len(known.values) < least:
            return ()
        values = known.values
        newest = values[-1]
        if newest != values[-least] or newest < self._config.min_usual_kwh:
            return ()
        days = 1
        while days < len(values) and values[-1 - days] == newest:
            days += 1
        if days < least:
            return ()
        return (
            Opinion(
                "electricity.stuck-meter",
                self._config.stuck_severity,
                observed=newest,
                unit=known.unit,
                since=context.calendar.day_start(known.last - days + 1),
                half_life_days=self._config.half_life_days,
                facts={"days": float(days)},
            ),
        )
