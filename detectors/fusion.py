"""Fusion: from a list of evidence to one score and level per enterprise."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from detectors.contract import Clearance, Level


@dataclass(slots=True)
class Held:
    """One piece of evidence as the engine holds it: an opinion, when it ended, and the records behind it.

    Parameters
    ----------
    detector, family, reason, subject
        Where it comes from; (detector, reason, subject) is unique within an enterprise.
    severity, confidence, observed, expected, unit, half_life_days, lasting, closed, floor, reach, clearance, facts
        As in :class:`detectors.contract.Opinion`.
    since, at
        When the condition began; the stack clock when the opinion was last given. Milliseconds.
    ended
        When a lasting opinion was no longer returned; 0 while it stands. Milliseconds.
    weight
        Of its source, 0 to 1.
    backfill
        Whether only history brought it.
    newest
        Ordinal of the newest day of data that it had seen.
    refs
        The newest records behind it: (index of the topic in ``connectors.topics.INPUTS``, partition, offset, index).
    """

    detector: str
    family: str
    reason: str
    subject: str
    severity: float
    confidence: float
    observed: float | None
    expected: float | None
    unit: str
    since: int
    at: int
    lasting: bool
    half_life_days: float | None
    closed: bool
    floor: Level
    reach: Level
    clearance: Clearance | None = None
    facts: Mapping[str, str | float] = field(default_factory=dict)
    ended: int = 0
    weight: float = 1.0
    backfill: bool = False
    newest: int = 0
    refs: tuple[tuple[int, int, int, int], ...] = ()


@dataclass(frozen=True, slots=True)
class Fused:
    """What fusion makes of an enterprise's evidence at one moment.

    Parameters
    ----------
    score, low, high
        The composite risk and the interval that stale and missing families leave open, 0 to 1.
    families
        Score of every family that has evidence.
    floor
        The highest legal floor that stands.
    reach
        The highest level that the evidence may reach (one non-legal family alone stays at yellow, say).
    coverage
        Share of the families that are fresh, by weight.
    ranked
        Indices into the evidence, what matters most first; nothing that has decayed to nothing.
    """

    score: float
    low: float
    high: float
    families: Mapping[str, float]
    floor: Level
    reach: Level
    coverage: float
    ranked: Sequence[int]
