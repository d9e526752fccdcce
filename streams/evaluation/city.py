"""The simulated city: every story found in time, every decoy passed over, and how often others are alarmed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from operator import attrgetter
from typing import Any

from connectors.models import Alert, Finding, Level, Transition
from connectors.simulator import CitySource, Decoy, Story
from connectors.simulator.city import ZONE
from detectors.calendar import Calendar
from detectors.config import DetectionConfig
from detectors.registry import default_detectors
from streams.backtesting import PER_OFFICER
from streams.evaluation.suite import Task, write_rows
from streams.evaluation.timing import timed
from streams.replay import Replayed, replay
from streams.rules import Rules

ENTERPRISES = 400
DAYS = 490
#: The first days are history: they build baselines and notify nobody.
BACKFILL_DAYS = 60
#: Stories and decoys begin up to so many days later than they could.
SPREAD = 120
#: One group of 400: a district has some fifty members, as in a city of thousands over sixteen groups.
PARTITIONS = 1
#: The winters that a seed chooses from: each window spans two Spring Festivals with an official calendar.
_FIRST_YEARS = range(2017, 2025)
#: The city in which detectors are timed.
_COSTED_ENTERPRISES, _COSTED_DAYS = 60, 150
#: An alarm this long after a decoy is still about it.
_AFTER = timedelta(days=14)
_RISES = (Transition.OPENED, Transition.ESCALATED)
_HEADER = (
    "enterprise_id", "about", "name", "transition", "level", "previous_level", "score", "at", "decided_on", "rule",
    "family", "reason", "detector", "text", "notify",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Judged:
    """A transition, and what it is about: ``story``, ``decoy`` or ``other``, and the name of the former two."""

    alert: Alert
    about: str
    name: str

    @property
    def alarm(self) -> bool:
        """Whether it told somebody that an enterprise had come to yellow or above."""
        alert = self.alert
        rose = alert.transition in _RISES and alert.level.rank >= Level.YELLOW.rank > alert.previous_level.rank
        return rose and alert.notify


def evaluate(task: Task, tell: Callable[[int, int], None]) -> Mapping[str, object]:
    """Score a city with the default rules and judge the alerts by what was planted.

    Parameters
    ----------
    task
        The seed is that of the city. ``out`` gets the transitions.
    tell
        Told how many messages of how many are scored.
    """
    first = _FIRST_YEARS[task.seed % len(_FIRST_YEARS)]
    source = CitySource(
        enterprises=ENTERPRISES,
        days=DAYS,
        seed=task.seed,
        start=date(first, 11, 15),
        backfill_days=BACKFILL_DAYS,
        fine_share=0.0,
        spread=SPREAD,
    )
    return judge(source, BACKFILL_DAYS, PARTITIONS, task, tell)


def judge(
    source: CitySource, backfill_days: int, partitions: int, task: Task, tell: Callable[[int, int], None]
) -> dict[str, object]:
    """Score a city and return what came of it, in the form of the suite."""
    rules = Rules(partitions, Calendar(str(ZONE)), DetectionConfig.default())
    scored = replay([source], rules, str(ZONE), tell)
    decoys = source.decoys()
    judged, by_reason = list(_judged(source, scored)), _detectors(scored)
    if task.out is not None:
        write_rows(task.out, _HEADER, _rows(judged, by_reason))
    live_from = source.city.start + timedelta(days=backfill_days)
    readings = len([1 for one in source.city.residents if one.metered]) * (source.city.days - 1)
    return {
        "stories": {story.name: _told(story, judged) for story in source.stories()},
        "decoys": {name: _passed(name, decoys, judged) for name in dict.fromkeys(decoy.name for decoy in decoys)},
        **_burden(source, judged, live_from, by_reason),
        "us_per_daily_reading": round(scored.seconds * 1e6 / readings, 2),
        **_costs(rules.config),
        "messages": scored.messages,
        "dead_letters": scored.dead_letters,
        "start": source.city.start.isoformat(),
        "config_version": rules.config.version,
    }


def _costs(config: DetectionConfig) -> dict[str, dict[str, float]]:
    """Return the time per daily reading in each detector of periods, and in each family's, measured in a small city."""
    spent: Counter[str] = Counter()
    detectors = default_detectors(config)
    city = CitySource(enterprises=_COSTED_ENTERPRISES, days=_COSTED_DAYS, fine_share=0.0)
    replay([city], Rules(1, Calendar(str(ZONE)), config, timed(detectors, spent)), str(ZONE))
    readings = _COSTED_ENTERPRISES * _COSTED_DAYS
    families: Counter[str] = Counter()
    for detector in detectors:
        families[detector.family] += spent[detector.name]
    return {
        name: {key: round(seconds * 1e6 / readings, 2) for key, seconds in counted.most_common() if seconds}
        for name, counted in (("us_by_detector", spent), ("us_by_family", families))
    }


def _judged(source: CitySource, scored: Replayed) -> Iterator[Judged]:
    stories = {story.enterprise_id: story for story in source.stories()}
    decoys: dict[str, list[Decoy]] = {}
    for one in source.decoys():
        for enterprise in one.enterprise_ids:
            decoys.setdefault(enterprise, []).append(one)
    for alert in sorted(scored.transitions(), key=lambda alert: (alert.at, alert.enterprise_id, alert.sequence)):
        story, day = stories.get(alert.enterprise_id), alert.at.astimezone(ZONE).date()
        if story is not None and day >= story.begins:
            yield Judged(alert, "story", story.name)
            continue
        decoy = next((one for one in decoys.get(alert.enterprise_id, ()) if _is_about(alert, day, one)), None)
        yield Judged(alert, "other" if decoy is None else "decoy", "" if decoy is None else decoy.name)


def _is_about(alert: Alert, day: date, decoy: Decoy) -> bool:
    """Tell whether an alert may be due to a decoy: it came while it lasted or soon after.

    What touches many counts only for conditions that began while it lasted, so that a firm's own bad luck in the same
    weeks is told apart.
    """
    if not decoy.begins <= day <= decoy.ends + _AFTER:
        return False
    if len(decoy.enterprise_ids) == 1:
        return True
    began = [reason.since.astimezone(ZONE).date() for reason in alert.reasons if reason.family == "electricity"]
    return any(decoy.begins <= one <= decoy.ends for one in began)


def _told(story: Story, judged: Sequence[Judged]) -> dict[str, object]:
    """Return whether and when a story's enterprise came to yellow before its default, and how far it rose."""
    in_time = [
        one.alert
        for one in judged
        if one.about == "story"
        and one.alert.enterprise_id == story.enterprise_id
        and one.alert.at.astimezone(ZONE).date() < story.default_date
        and one.alert.notify
    ]
    enough = [alert for alert in in_time if alert.level.rank >= Level.YELLOW.rank]
    highest = max((alert.level for alert in in_time), key=attrgetter("rank"), default=Level.NONE)
    lead = (story.default_date - enough[0].at.astimezone(ZONE).date()).days if enough else None
    return {
        "caught": bool(enough),
        "level": highest.value,
        "lead_days": lead,
        "expected_level": story.level.value,
        "enterprise_id": story.enterprise_id,
        "begins": story.begins.isoformat(),
        "default_date": story.default_date.isoformat(),
    }


def _passed(name: str, decoys: Sequence[Decoy], judged: Sequence[Judged]) -> dict[str, object]:
    """Return whether a decoy, each time that it came, left everybody below yellow."""
    times = [decoy for decoy in decoys if decoy.name == name]
    alarmed = {one.alert.enterprise_id for one in judged if one.alarm and one.name == name}
    return {
        "silent": not alarmed,
        "alarmed": len(alarmed),
        "enterprises": len(frozenset().union(*(decoy.enterprise_ids for decoy in times))),
        "begins": [decoy.begins.isoformat() for decoy in times],
        "ends": [decoy.ends.isoformat() for decoy in times],
    }


def _burden(
    source: CitySource, judged: Sequence[Judged], live_from: date, detectors: Mapping[str, str]
) -> dict[str, Any]:
    """Return how often people are alarmed: for nothing, and at all."""
    stories = {story.enterprise_id: story for story in source.stories()}
    city = source.city
    live_days = (city.end - live_from).days
    quiet_days = sum(
        max((stories[one.enterprise_id].begins - live_from).days, 0) if one.enterprise_id in stories else live_days
        for one in city.residents
    )
    false = [one for one in judged if one.alarm and one.about != "story"]
    rises = [one.alert for one in judged if one.alert.notify and one.alert.transition in _RISES]
    causes = [one.alert.reasons[0] for one in false if one.alert.reasons]
    return {
        "false_alarms_per_enterprise_year": round(len(false) * 365.25 / quiet_days, 4),
        "alerts_per_officer_day": round(len(rises) * PER_OFFICER / len(city.residents) / live_days, 4),
        "false_alarms": len(false),
        "enterprise_years": round(quiet_days / 365.25, 1),
        "alerts_by_level": {
            level.value: count
            for level in Level
            if (count := sum(alert.level is level for alert in rises)) or level is not Level.NONE
        },
        "false_alarms_by_level": _counted(one.alert.level.value for one in false),
        "false_alarms_by_family": _counted(cause.family for cause in causes),
        "false_alarms_by_detector": _counted(detectors.get(cause.reason, "") for cause in causes),
        "false_alarms_by_reason": _counted(cause.reason for cause in causes),
    }


def _counted(values: Iterator[str]) -> dict[str, int]:
    return dict(Counter(values).most_common())


def _detectors(scored: Replayed) -> dict[str, str]:
    """Return by reason which detector gives it."""
    findings = (Finding.model_validate_json(value) for _, value in scored.findings)
    return {finding.reason: finding.detector for finding in findings}


def _rows(judged: Sequence[Judged], detectors: Mapping[str, str]) -> Iterator[Sequence[object]]:
    for one in judged:
        alert = one.alert
        cause = alert.reasons[0] if alert.reasons else None
        yield (
            alert.enterprise_id, one.about, one.name, alert.transition.value, alert.level.value,
            alert.previous_level.value, round(alert.score, 4), alert.at.isoformat(), alert.decided_on, alert.rule,
            cause.family if cause else "", cause.reason if cause else "",
            detectors.get(cause.reason, "") if cause else "", cause.en if cause else "", alert.notify,
        )  # fmt: skip
