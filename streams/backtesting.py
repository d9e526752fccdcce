"""Two configurations over the same history, as known at the time: which alerts one has and the other has not.

What is compared are *spells*: the time that an enterprise spent at a level or above, from the transition that told
people to the one that took it back. A spell of one configuration and one of the other are the same matter when they
overlap.
"""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from statistics import median
from typing import Any, Literal, TypeAlias

from connectors.contract import Source
from connectors.models import Alert, Level
from detectors.config import DetectionConfig
from streams.clock import moment
from streams.journal import rewrite
from streams.replay import replay
from streams.rules import Rules
from streams.runtime import Endpoints

#: An officer is taken to watch so many enterprises.
PER_OFFICER = 100
#: The levels that are compared.
LEVELS = tuple(Level)[1:]
#: ``again``: one more spell of a matter that the old configuration told once; ``merged``: one less.
Change: TypeAlias = Literal["gained", "lost", "earlier", "later", "same", "again", "merged"]
CHANGES: tuple[Change, ...] = ("gained", "lost", "earlier", "later", "same", "again", "merged")


class WrongConfigError(ValueError):
    """A configuration cannot be used; the message names the file and what is wrong."""


def config_of(path: Path) -> DetectionConfig:
    """Return the configuration in a TOML file.

    Raises
    ------
    WrongConfigError
        If it cannot be read, or holds what no configuration has.
    """
    try:
        return DetectionConfig.from_mapping(tomllib.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        message = f"detection configuration {path}: {reason}"
        raise WrongConfigError(message) from error


@dataclass(frozen=True, slots=True)
class Run:
    """What one configuration made of a history.

    Parameters
    ----------
    version
        Of the configuration.
    alerts
        Every transition.
    enterprises
        How many enterprises were watched.
    first, last
        The first moment at which people could have been told, and the last.
    messages
        Signals and registry entries scored.
    rejected
        Rows of files that were no messages, and messages that the engine refused: they count in neither.
    """

    version: str
    alerts: tuple[Alert, ...]
    enterprises: int
    first: datetime
    last: datetime
    messages: int
    rejected: int = 0

    @property
    def officer_days(self) -> float:
        """Days of work of officers who have :data:`PER_OFFICER` enterprises each."""
        days = max((self.last - self.first).total_seconds() / 86_400, 1.0)
        return max(self.enterprises, 1) / PER_OFFICER * days


@dataclass(frozen=True, slots=True)
class Spell:
    """One enterprise at a level or above: the transition that brought it there, and when it was over, if it was."""

    enterprise: str
    level: Level
    began: Alert
    ended: datetime | None

    def overlaps(self, other: Spell) -> bool:
        """Tell whether both were going on at one time."""
        ends_before = self.ended is not None and self.ended <= other.began.at
        ends_after = other.ended is not None and other.ended <= self.began.at
        return not ends_before and not ends_after


@dataclass(frozen=True, slots=True)
class Difference:
    """What became of one spell: ``before`` or ``after`` is None where that configuration has none."""

    change: Change
    level: Level
    before: Spell | None
    after: Spell | None

    @property
    def days(self) -> float | None:
        """How much later the new configuration tells it; negative: earlier. Days."""
        if self.before is None or self.after is None:
            return None
        return (self.after.began.at - self.before.began.at).total_seconds() / 86_400

    @property
    def spell(self) -> Spell:
        """The new spell, else the old one."""
        found = self.after or self.before
        assert found is not None
        return found


def run_sources(
    sources: Iterable[Source], rules: Rules, zone: str, tell: Callable[[int, int], None] = lambda _done, _all: None
) -> Run:
    """Score what the sources yield and return what came of it.

    Raises
    ------
    ValueError
        If they yield nothing.
    """
    scored = replay(sources, rules, zone, tell)
    if scored.span is None:
        message = "there is no history to compare on: no signal that is not backfilled"
        raise ValueError(message + (f"; rows that are no messages: {scored.rejected:,}" if scored.rejected else ""))
    rejected = scored.rejected + scored.dead_letters
    return Run(
        rules.config.version, tuple(scored.transitions()), scored.enterprises, *scored.span, scored.messages, rejected
    )


def run_journal(places: Endpoints, rules: Rules, tell: Callable[[int, int], None]) -> Run:
    """Replay a stack's journal with other rules and return what came of it.

    Raises
    ------
    InputLostError
        If Kafka no longer has what the journal refers to.
    ValueError
        If the journal holds backfilled history only, or nothing.
    """
    found = rewrite(places, rules, tell)
    if not found.first:
        message = "the journal has no signal that is not backfilled: there is no history to compare on"
        raise ValueError(message)
    alerts = tuple(Alert.model_validate_json(value) for value in found.alerts)
    span = moment(found.first), moment(found.last)
    return Run(rules.config.version, alerts, found.enterprises, *span, found.messages)


def spells(alerts: Iterable[Alert], level: Level) -> list[Spell]:
    """Return the spells at a level or above that people were told of, by enterprise and beginning."""
    open_: dict[str, Alert] = {}
    found: list[Spell] = []
    for alert in sorted(alerts, key=lambda one: (one.enterprise_id, one.sequence)):
        name, reached = alert.enterprise_id, alert.level.rank >= level.rank
        if reached and alert.notify:
            open_.setdefault(name, alert)
        elif not reached and name in open_:
            found.append(Spell(name, level, open_.pop(name), alert.at))
    found += [Spell(name, level, began, None) for name, began in open_.items()]
    return sorted(found, key=lambda spell: (spell.enterprise, spell.began.at))


def differences(before: Run, after: Run) -> Iterator[Difference]:
    """Yield what became of every spell, by level, enterprise and time."""
    for level in LEVELS:
        old, new = spells(before.alerts, level), spells(after.alerts, level)
        found = list(_matched(old, new, level))
        yield from sorted(found, key=lambda one: (one.spell.enterprise, one.spell.began.at, one.change))


def _matched(old: Sequence[Spell], new: Sequence[Spell], level: Level) -> Iterator[Difference]:
    """Pair each old spell with the first new one of the same matter that is free."""
    free: dict[str, list[Spell]] = {}
    for spell in new:
        free.setdefault(spell.enterprise, []).append(spell)
    all_new = {name: tuple(mine) for name, mine in free.items()}
    all_old: dict[str, list[Spell]] = {}
    for spell in old:
        all_old.setdefault(spell.enterprise, []).append(spell)
        mine = free.get(spell.enterprise, [])
        match = next((one for one in mine if one.overlaps(spell)), None)
        if match is None:
            merged = any(one.overlaps(spell) for one in all_new.get(spell.enterprise, ()))
            yield Difference("merged" if merged else "lost", level, spell, None)
            continue
        mine.remove(match)
        yield Difference(_shift(spell, match), level, spell, match)
    for name, left in free.items():
        for spell in left:
            again = any(one.overlaps(spell) for one in all_old.get(name, ()))
            yield Difference("again" if again else "gained", level, None, spell)


def _shift(before: Spell, after: Spell) -> Change:
    if after.began.at == before.began.at:
        return "same"
    return "earlier" if after.began.at < before.began.at else "later"


def summary(before: Run, after: Run, found: Sequence[Difference]) -> dict[str, Any]:
    """Return the comparison as plain data."""
    return {
        "config": after.version,
        "against": before.version,
        "enterprises": after.enterprises,
        "first": after.first.isoformat(),
        "last": after.last.isoformat(),
        "officer_days": round(after.officer_days, 1),
        "messages": after.messages,
        "rejected": after.rejected,
        "levels": {level.value: _of_level(level, before, after, found) for level in LEVELS},
    }


def _of_level(level: Level, before: Run, after: Run, found: Sequence[Difference]) -> dict[str, Any]:
    mine = [one for one in found if one.level is level]
    old, new = sum(one.before is not None for one in mine), sum(one.after is not None for one in mine)
    shifts = [one.days for one in mine if one.change in ("earlier", "later") and one.days is not None]
    return {
        "before": old,
        "after": new,
        **{change: sum(one.change == change for one in mine) for change in CHANGES},
        "median_days_later": round(median(shifts), 2) if shifts else 0.0,
        "per_officer_day_before": round(old / before.officer_days, 4),
        "per_officer_day_after": round(new / after.officer_days, 4),
    }


#: Columns of :func:`rows`.
HEADER = (
    "enterprise_id", "enterprise_name", "level", "change", "before_at", "after_at", "days_later", "before_reason",
    "after_reason",
)  # fmt: skip


def rows(found: Iterable[Difference]) -> Iterator[Sequence[object]]:
    """Yield a row for each spell that differs."""
    for one in found:
        if one.change == "same":
            continue
        days = one.days
        yield (
            one.spell.enterprise, one.spell.began.enterprise_name, one.level.value, one.change, _at(one.before),
            _at(one.after), "" if days is None else round(days, 3), _why(one.before), _why(one.after),
        )  # fmt: skip


def _at(spell: Spell | None) -> str:
    return "" if spell is None else spell.began.at.isoformat()


def _why(spell: Spell | None) -> str:
    return spell.began.reasons[0].en if spell is not None and spell.began.reasons else ""


def monthly(run: Run, level: Level) -> Mapping[str, int]:
    """Return by month (UTC) how many spells at a level or above began."""
    counts: dict[str, int] = {}
    for spell in spells(run.alerts, level):
        month = f"{spell.began.at:%Y-%m}"
        counts[month] = counts.get(month, 0) + 1
    return dict(sorted(counts.items()))
