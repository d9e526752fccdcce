"""What all shards of a stack share: catalogue, calendar, detectors and configuration, arranged for quick look-up."""

from __future__ import annotations

import math
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any, cast

from connectors.catalogue import DAY_MS, FAMILIES, Kind, Metric, Period, metrics
from connectors.decoding import Decoder
from connectors.topics import INPUTS
from detectors.calendar import Calendar
from detectors.config import DetectionConfig
from detectors.contract import AnyDetector, EventDetector, PeriodDetector
from detectors.memoryless import Memoryless
from detectors.registry import default_detectors
from detectors.sentiment.model import HeadlineModel
from streams.settings import Settings

MINUTE_MS = 60_000
#: When the day's review (decay, dwell, falling levels) takes place: after the daily figures have closed.
REVIEW_LAG_MS = 7 * 3_600_000
#: Periods that estimators wait before they learn one, since they cannot unlearn it.
SETTLING = MappingProxyType({Period.DAY: 3, Period.MONTH: 1})


@dataclass(frozen=True, slots=True)
class SeriesRule:
    """How one series is kept.

    Parameters
    ----------
    name, family, unit, period
        From the catalogue.
    slots
        Readings that make a period complete.
    lag_ms
        It closes this long after its end. Milliseconds.
    empty
        What a period without readings counts as: NaN (unknown), or 0 for a count of events.
    settling
        Periods before the estimators learn one.
    detectors
        The period detectors that read it.
    learners
        Those of them that remember what they read.
    in_columns
        Whether its open periods stand in a table of open days: readings of days, the flood.
    """

    name: str
    family: str
    unit: str
    period: Period
    slots: int
    lag_ms: int
    empty: float
    settling: int
    detectors: tuple[PeriodDetector, ...]
    learners: tuple[PeriodDetector, ...]
    in_columns: bool = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "in_columns", self.period is Period.DAY and math.isnan(self.empty))


@dataclass(frozen=True, slots=True)
class Cycle:
    """What happens together once a period: the closing of series of one lag or, without series, the review."""

    period: Period
    lag_ms: int
    series: tuple[SeriesRule, ...]
    detectors: tuple[PeriodDetector, ...]

    @property
    def name(self) -> str:
        """What it is known by in a state record, whatever other cycles there are."""
        return f"{self.period}+{self.lag_ms}" if self.series else "review"

    def deadline(self, ordinal: int, calendar: Calendar) -> int:
        """Return the first whole minute that lies past the period's end plus the lag. Milliseconds."""
        end = calendar.day_end(ordinal) if self.period is Period.DAY else calendar.month_end(ordinal)
        return end + self.lag_ms + MINUTE_MS

    def ordinal_at(self, now: int, calendar: Calendar) -> int:
        """Return the first period that has not closed at ``now``."""
        moment = now - self.lag_ms - MINUTE_MS
        return calendar.day_of(moment) if self.period is Period.DAY else calendar.month_of(moment)


class Rules:
    """Everything that a shard needs besides its state.

    Parameters
    ----------
    partitions
        Partition count of the stack.
    calendar
        Days and months in the stack's zone.
    config
        Constants of the detection; its version stands in every alert.
    detectors
        The detectors; by default all registered ones.
    """

    def __init__(
        self,
        partitions: int,
        calendar: Calendar,
        config: DetectionConfig,
        detectors: Sequence[AnyDetector] | None = None,
    ) -> None:
        self.partitions = partitions
        self.calendar = calendar
        self.config = config
        chosen = default_detectors(config) if detectors is None else detectors
        self.detectors: Mapping[str, AnyDetector] = MappingProxyType({d.name: d for d in chosen})
        self.decoder = Decoder(partitions)
        self.topic_rank = {topic: rank for rank, topic in enumerate(INPUTS)}
        self.events: Mapping[str, tuple[EventDetector, ...]] = {
            metric.name: tuple(cast(EventDetector, d) for d in chosen if metric.name in getattr(d, "events", ()))
            for _, metric in metrics()
            if metric.kind is Kind.EVENT
        }
        self.readings: Mapping[str, Metric] = {m.name: m for _, m in metrics() if m.kind is Kind.READING}
        self.series = self._series_rules(chosen)
        self.cycles = self._cycles()
        self.cycle_of = {rule.name: i for i, cycle in enumerate(self.cycles) for rule in cycle.series}

    def _series_rules(self, detectors: Sequence[AnyDetector]) -> Mapping[str, SeriesRule]:
        rules: dict[str, SeriesRule] = {}
        for family, metric in metrics():
            if metric.series:
                known = rules.get(metric.series)
                readers = tuple(cast(PeriodDetector, d) for d in detectors if metric.series in getattr(d, "series", ()))
                rules[metric.series] = SeriesRule(
                    name=metric.series,
                    family=family.name,
                    unit=metric.unit or "count",
                    period=metric.period,
                    slots=max(metric.slots, known.slots if known else 1),
                    lag_ms=metric.lag_ms,
                    empty=0.0 if metric.kind is Kind.EVENT else math.nan,
                    settling=SETTLING[metric.period],
                    detectors=readers,
                    learners=tuple(d for d in readers if not isinstance(d, Memoryless)),
                )
        return MappingProxyType(rules)

    def _cycles(self) -> tuple[Cycle, ...]:
        groups: dict[tuple[Period, int], list[SeriesRule]] = {}
        for rule in self.series.values():
            groups.setdefault((rule.period, rule.lag_ms), []).append(rule)
        closings = []
        for (period, lag), series in groups.items():
            detectors = {d.name: d for rule in series for d in rule.detectors}
            closings.append(Cycle(period, lag, tuple(series), tuple(detectors.values())))
        return (*closings, Cycle(Period.DAY, REVIEW_LAG_MS, (), ()))

    def period_of(self, rule: SeriesRule, moment: int) -> int:
        """Return the ordinal of the period that a moment lies in."""
        if rule.period is Period.DAY:
            return self.calendar.day_of(moment)
        return self.calendar.month_of(moment)

    def start_of(self, rule: SeriesRule, period: int) -> int:
        """Return the first moment of a period. Milliseconds."""
        return self.calendar.day_start(period) if rule.period is Period.DAY else self.calendar.month_start(period)

    def slot_of(self, metric: Metric, moment: int, day: int) -> int:
        """Return which of the period's readings one is: 0 for a figure of the whole period."""
        if metric.slots == 1:
            return 0
        return min((moment - self.calendar.day_start(day)) * metric.slots // DAY_MS, metric.slots - 1)

    def last_day(self, rule: SeriesRule, ordinal: int) -> int:
        """Return the last day of a period, as a day's ordinal."""
        if rule.period is Period.DAY:
            return ordinal
        return self.calendar.day_of(self.calendar.month_end(ordinal) - 1)


def rules_for(settings: Settings) -> Rules:
    """Build the rules of a stack.

    Raises
    ------
    ValueError
        If the detection configuration or the model of headlines is wrong; the message names the file and what is
        wrong.
    """
    config = _config(settings)
    headlines = None if settings.sentiment_model is None else HeadlineModel.load(settings.sentiment_model)
    if headlines is not None and not config.sentiment.model:
        config = replace(config, sentiment=replace(config.sentiment, model=headlines.digest))
    detectors = default_detectors(config, headlines)
    return Rules(settings.partitions, Calendar(settings.zone), config, detectors)


def _config(settings: Settings) -> DetectionConfig:
    path = settings.detection_config
    if path is None:
        return DetectionConfig.default()
    try:
        content: dict[str, Any] = tomllib.loads(path.read_text(encoding="utf-8"))
        return DetectionConfig.from_mapping(content)
    except (OSError, ValueError) as error:
        message = f"detection configuration {path}: {error}"
        raise ValueError(message) from error


def fresh_ms() -> Mapping[str, int]:
    """Return by family how old its newest signal may be before it counts as stale. Milliseconds."""
    return {family.name: family.fresh_ms for family in FAMILIES.values()}
