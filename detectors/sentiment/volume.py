"""How many items there are: mention volume as a stream of its own."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from detectors.cohort import Cohort, Each
from detectors.config import SentimentConfig
from detectors.contract import Clearance, Context, Opinion, Plain
from detectors.estimators import EWVar

_LEAST_DAYS: Final = 14
#: The standard deviation is taken to be at least this, so that two items after a silent year are no wave.
_LEAST_DEVIATION: Final = 0.5


class NewsVolume:
    """A day with far more news than usual; good or bad, someone should look.

    River's EWVar over the daily number of items is what is usual.

    Parameters
    ----------
    config
        Sigmas, least number, severity.
    """

    name = "sentiment-volume"
    version = 1
    family = "sentiment"
    series = ("news_count",)

    def __init__(self, config: SentimentConfig) -> None:
        self._config = config

    def memory(self) -> EWVar:
        """Return the memory of an enterprise that was never seen."""
        return EWVar(self._config.volume_fade)

    def dump(self, memory: EWVar) -> list[Plain]:
        """Return the memory as plain values."""
        return memory.dump()

    def load(self, state: list[Plain]) -> EWVar:
        """Return the memory that ``dump`` described."""
        return EWVar.load(self._config.volume_fade, state)

    def learn_one(self, memory: EWVar, context: Context, series: str, index: int) -> None:
        """Learn a settled day."""
        value = context.series[series].values[index]
        if value >= 0:
            memory.update(value)

    def learn_many(self, each: Each, cohort: Cohort) -> None:
        """Learn a settled day of each."""
        del cohort
        for _, memory, value in each:
            if value >= 0:
                memory.update(value)

    def suspects(self, memories: Sequence[EWVar], cohort: Cohort) -> Sequence[int]:
        """Return those with many items on the newest day."""
        least = self._config.volume_min
        return [place for place, newest in enumerate(cohort.values) if newest >= least]

    def judge_one(self, memory: EWVar, context: Context) -> Sequence[Opinion]:
        """Return the wave that stands, if one does."""
        config = self._config
        known = context.series.get("news_count")
        if known is None or not known.values or not known.values[-1] >= config.volume_min:
            return ()
        if memory.count < _LEAST_DAYS:
            return ()
        limit = max(config.volume_min, memory.mean + config.volume_sigmas * max(memory.deviation, _LEAST_DEVIATION))
        values, days = known.values, 0
        while days < len(values) and values[-1 - days] >= limit:
            days += 1
        if not days:
            return ()
        return (
            Opinion(
                "sentiment.news-wave",
                config.volume_severity,
                observed=sum(value / days for value in values[-days:]),
                expected=memory.mean,
                unit="mentions",
                since=context.calendar.day_start(known.last - days + 1),
                half_life_days=config.half_life_days,
                clearance=Clearance("news_count", limit, "mentions", periods=1, above=False),
            ),
        )
