"""Related parties: an investor or an enterprise invested in that has left the market."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from detectors.config import LitigationConfig
from detectors.contract import Context, Event, Level, Opinion, Plain
from detectors.payloads import text_of

_RELATIONS: Final = frozenset({"investor", "investee"})
_LONGEST: Final = 40


class RelatedExits:
    """One opinion per investor or investee that left the market; it fades over the years.

    Who loses an owner or a holding loses money, credit or orders with it. It is a public record of somebody else: it
    never passes yellow by itself. It ends when the record turns out to be wrong.

    Parameters
    ----------
    config
        Severity, half-life.
    """

    name = "litigation-related-exits"
    version = 1
    family = "litigation"
    events = ("related_party",)

    def __init__(self, config: LitigationConfig) -> None:
        self._config = config

    def memory(self) -> list[str]:
        """Return the memory of an enterprise that was never seen: no exits."""
        return []

    def dump(self, memory: list[str]) -> list[Plain]:
        """Return the memory as plain values."""
        return [*memory]

    def load(self, state: list[Plain]) -> list[str]:
        """Return the memory that ``dump`` described."""
        return [str(subject) for subject in state]

    def judge_one(self, memory: list[str], event: Event, context: Context) -> Sequence[Opinion]:
        """Return the exit that the event tells, or that it was none."""
        subject, active = _read(event)
        if not subject or (active and subject not in memory):
            return ()
        relation, _, party = subject.partition(":")
        facts: dict[str, str | float] = {"relation": relation, **({"party": party} if party else {})}
        return (
            Opinion(
                "litigation.related-exit",
                self._config.related_severity,
                subject=subject,
                since=event.event_time,
                lasting=False,
                half_life_days=self._config.related_half_life_days,
                closed=active,
                reach=Level.YELLOW,
                facts=facts,
            ),
        )

    def learn_one(self, memory: list[str], event: Event, context: Context) -> None:
        """Remember whose exit was told."""
        subject, active = _read(event)
        if subject in memory:
            memory.remove(subject)
        if subject and not active:
            memory.append(subject)
            del memory[: -self._config.max_cases]


def _read(event: Event) -> tuple[str, bool]:
    """Return whom an event is about (empty: nobody), and whether that one is in the market after all."""
    relation, status = text_of(event.payload, "relation", _LONGEST), text_of(event.payload, "status", _LONGEST)
    if relation not in _RELATIONS or status not in ("left", "active"):
        return "", False
    return f"{relation}:{text_of(event.payload, 'party', _LONGEST)}", status == "active"
