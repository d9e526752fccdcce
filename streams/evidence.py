"""From opinions to held evidence: what is new, what changed, what ended and what was withdrawn."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from connectors.catalogue import DAY_MS
from connectors.models import FindingState
from detectors.contract import AnyDetector, Opinion
from detectors.fusion import Held
from streams.series import Ref

#: An enterprise holds at most this much evidence; what is worth least makes room.
MOST_HELD = 32
#: A change of severity, as far as it had not faded, smaller than this is no news.
NOTEWORTHY = 0.05
#: How long something has lasted, as its text says: a board that reads "7 days" in the seventh week misleads.
_LENGTHS = ("days", "months")


@dataclass(frozen=True, slots=True)
class Origin:
    """Where an opinion comes from: the moment, the newest day of data behind it, the record, whether it is history.

    ``heard`` is when the last period ended of which there is a figure, milliseconds: what began then or later, a
    silence, is no history, however old the figures are.
    """

    at: int
    newest: int
    ref: Ref
    backfill: bool
    weight: float = 1.0
    heard: float = math.inf


@dataclass(frozen=True, slots=True)
class Change:
    """What became of one piece of evidence."""

    state: FindingState
    held: Held


def absorb_periods(
    evidence: list[Held], detector: AnyDetector, opinions: Sequence[Opinion], origin: Origin, *, refuted_from: float
) -> list[Change]:
    """Take in all that a period detector holds now.

    A lasting opinion that it no longer gives has ended. If it began at or after ``refuted_from`` (milliseconds), it
    rested on what has turned out to be wrong: it never was true and is withdrawn.
    """
    changes, given = [], set()
    for opinion in opinions:
        given.add((opinion.reason, opinion.subject))
        match = _find(evidence, detector.name, opinion.reason, opinion.subject)
        changes += _put(evidence, match, _held(detector, opinion, origin))
    for held in [h for h in evidence if h.detector == detector.name and (h.reason, h.subject) not in given]:
        if held.since >= refuted_from and not held.ended:
            evidence.remove(held)
            changes.append(Change(FindingState.WITHDRAWN, held))
        elif held.lasting and not held.ended:
            held.ended = origin.at
            changes.append(Change(FindingState.ENDED, held))
    return changes


def withdraw_refuted(
    evidence: list[Held],
    ended: Sequence[Held],
    said_before: Callable[[Held], Sequence[Opinion]],
    said_now: Callable[[Held], Sequence[Opinion]],
) -> list[Change]:
    """Withdraw what has ended and would not have been said, had a figure been known as it is now; return what was.

    Parameters
    ----------
    evidence
        Of the enterprise.
    ended
        What is looked at of it.
    said_before, said_now
        What its detector says of the newest day that the evidence had seen, by the figures before a correction and
        after it. What it does not say by the former either has changed for other reasons, and stays.
    """
    changes = []
    for held in ended:
        if _says(said_before(held), held) and not _says(said_now(held), held):
            evidence.remove(held)
            changes.append(Change(FindingState.WITHDRAWN, held))
    return changes


def _says(opinions: Sequence[Opinion], held: Held) -> bool:
    return any((one.reason, one.subject) == (held.reason, held.subject) for one in opinions)


def absorb_event(
    evidence: list[Held], detector: AnyDetector, opinions: Sequence[Opinion], origin: Origin
) -> list[Change]:
    """Take in what one event makes or changes; it replaces the detector's earlier opinion on the same subject."""
    changes = []
    for opinion in opinions:
        same = [h for h in evidence if h.detector == detector.name and h.subject == opinion.subject]
        if opinion.refuted:
            changes += [Change(FindingState.WITHDRAWN, held) for held in same]
            evidence[:] = [held for held in evidence if not any(held is one for one in same)]
            continue
        match = next((h for h in same if h.reason == opinion.reason), None)
        for held in same:
            if held is not match:
                evidence.remove(held)
                changes.append(Change(FindingState.ENDED, held))
        changes += _put(evidence, match, _held(detector, opinion, origin))
    return changes


def trim(evidence: list[Held], worth: Callable[[Held], float]) -> list[Change]:
    """Drop what has decayed to nothing, and beyond :data:`MOST_HELD` what is worth least."""
    kept = [h for h in evidence if (h.floor and not h.ended) or worth(h) >= 0.005]
    if len(kept) == len(evidence) <= MOST_HELD:
        return []  # nearly always
    if len(kept) > MOST_HELD:
        ranked = sorted(kept, key=lambda h: (h.floor, worth(h)), reverse=True)[:MOST_HELD]
        kept = [h for h in kept if any(h is one for one in ranked)]
    gone = [h for h in evidence if not any(h is one for one in kept)]
    evidence[:] = kept
    return [Change(FindingState.ENDED, h) for h in gone if h.lasting and not h.ended]


def _find(evidence: Sequence[Held], detector: str, reason: str, subject: str) -> Held | None:
    return next(
        (h for h in evidence if (h.detector, h.reason, h.subject) == (detector, reason, subject) and not h.ended), None
    )


def _put(evidence: list[Held], match: Held | None, fresh: Held) -> list[Change]:
    if match is None:
        evidence.append(fresh)
        return [Change(FindingState.RAISED, fresh)]
    fresh.raised, fresh.backfill = match.raised, fresh.backfill and match.backfill
    if fresh.lasting and not fresh.closed and not match.closed:  # a matter that was over begins anew
        fresh.since = min(match.since, fresh.since) if fresh.since else match.since
    evidence[evidence.index(match)] = fresh
    moved = abs(fresh.severity - _left_of(match, fresh.since)) >= NOTEWORTHY
    differs = (fresh.floor, fresh.reach, fresh.closed, fresh.lasting, fresh.half_life_days) != (
        match.floor, match.reach, match.closed, match.lasting, match.half_life_days,
    )  # fmt: skip
    lasts = fresh.lasting and any(fresh.facts.get(name) != match.facts.get(name) for name in _LENGTHS)
    return [Change(FindingState.CHANGED, fresh)] if moved or differs or lasts else []


def _left_of(held: Held, since: int) -> float:
    """Return what is left of a severity when a newer opinion begins to fade; of a lasting one, all."""
    if held.lasting or held.half_life_days is None:
        return held.severity
    left: float = 2.0 ** (-max(since - held.since, 0) / (held.half_life_days * DAY_MS))
    return held.severity * left


def _held(detector: AnyDetector, opinion: Opinion, origin: Origin) -> Held:
    return Held(
        detector=detector.name,
        family=detector.family,
        reason=opinion.reason,
        subject=opinion.subject,
        severity=opinion.severity,
        confidence=opinion.confidence,
        observed=opinion.observed,
        expected=opinion.expected,
        unit=opinion.unit,
        since=opinion.since,
        at=origin.at,
        lasting=opinion.lasting,
        half_life_days=opinion.half_life_days,
        closed=opinion.closed,
        floor=opinion.floor,
        reach=opinion.reach,
        clearance=opinion.clearance,
        facts=dict(opinion.facts),
        weight=origin.weight,
        backfill=origin.backfill and opinion.since < origin.heard,
        newest=origin.newest,
        refs=(origin.ref,),
        raised=origin.at,
    )
