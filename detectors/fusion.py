"""Fusion: from a list of evidence to one score per enterprise, its interval, floor and cap. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import NamedTuple

from detectors.config import DetectionConfig
from detectors.contract import Clearance, Level

_DAY_MS = 86_400_000
#: Reasons that read the same figures: of one matter the strongest evidence counts, the others say the same again.
_MATTERS: Mapping[str, str] = MappingProxyType(
    {
        "electricity.decline": "electricity.collapse",
        "social_security.headcount-drift": "social_security.headcount-fall",
        "social_security.payroll-fall": "social_security.headcount-fall",
        "tax.zero-filing": "tax.sales-fall",
        "tax.payable-fall": "tax.sales-fall",
    }
)
#: What explains low readings, with the setting of ``MeterConfig`` that bounds for how long.
_EXCUSES: Mapping[str, str] = MappingProxyType(
    {
        "electricity.planned-outage": "planned_outage_days",
        "electricity.outage": "outage_days",
        "electricity.meter-offline": "offline_days",
    }
)
#: Evidence that a false reading or a day without power may have made.
_EXCUSABLE = frozenset(
    {"electricity.collapse", "electricity.decline", "electricity.silence", "electricity.stuck-meter"}
)
#: Evidence may begin this much before what explains it: days are whole, and plants wind down.
_AHEAD_MS = 2 * _DAY_MS


@dataclass(slots=True)
class Held:
    """One piece of evidence as the engine holds it: an opinion, when it ended, and the records behind it.

    Parameters
    ----------
    detector, family, reason, subject
        Where it comes from; (detector, reason, subject) is unique among what stands of an enterprise.
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
    raised
        The stack clock when the opinion was first given; with (detector, reason, subject) its identity. Milliseconds.
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
    raised: int = 0


class Fused(NamedTuple):
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


def worth(held: Held, now: int, config: DetectionConfig) -> float:
    """Return what one piece of evidence counts now: severity, confidence, source weight and decay, 0 to 1.

    A lasting opinion decays from its end, any other from when its condition began. Evidence dated after ``now`` does
    not count more for it.

    Examples
    --------
    >>> from detectors.config import default
    >>> held = Held("news", "sentiment", "sentiment.negative-news", "", 0.8, 1.0, None, None, "", 0, 0, False, 7.0,
    ...             False, Level.NONE, Level.YELLOW)
    >>> worth(held, 0, default()), worth(held, 7 * 86_400_000, default())
    (0.8, 0.4)
    """
    value = held.severity * held.confidence * held.weight
    if held.closed:
        value *= config.fusion.closed_factor
    if held.half_life_days is None:
        return value
    if not held.lasting:
        begun = held.since
    elif held.ended:
        begun = held.ended
    else:
        return value
    age = now - begun
    return value if age <= 0 else value * 2.0 ** (-age / (held.half_life_days * _DAY_MS))


def fuse(evidence: Sequence[Held], coverage: Mapping[str, str], now: int, config: DetectionConfig) -> Fused:
    """Fuse an enterprise's evidence into one score with its interval, floor and cap.

    Parameters
    ----------
    evidence
        All that is held; the order does not matter, save for ties in ``ranked``.
    coverage
        By family: ``fresh``, ``stale`` or ``never``. Every family that the stack watches must be there.
    now
        The stack clock. Milliseconds.
    config
        Weights and factors.

    Examples
    --------
    >>> from detectors.config import default
    >>> fused = fuse([], {"tax": "fresh", "sentiment": "never"}, 0, default())
    >>> fused.score, fused.floor, round(fused.high, 2), round(fused.coverage, 2)
    (0.0, <Level.NONE: 0>, 0.2, 0.53)
    """
    rules = config.fusion
    worths = [worth(held, now, config) for held in evidence]
    _excuse(evidence, worths, now, config)
    ranked = [i for i, value in enumerate(worths) if value >= rules.negligible]
    if len(ranked) > 1:
        ranked.sort(key=lambda i: (-worths[i], *_identity(evidence[i])))
    families = _families(evidence, worths, ranked, rules.repeat_factor)
    fresh = {family: value for family, value in families.items() if coverage.get(family) == "fresh"}
    score = _composite(families, config)
    high, share = _uncertainty(score, coverage, config)
    return Fused(
        score=score,
        low=score if len(fresh) == len(families) else _composite(fresh, config),
        high=high,
        families=families,
        floor=_floor(evidence, config),
        reach=_reach(evidence, worths, ranked, families, rules.agrees_from),
        coverage=share,
        ranked=tuple(ranked),
    )


def _excuse(evidence: Sequence[Held], worths: list[float], now: int, config: DetectionConfig) -> None:
    """Take the worth from what an outage or a meter that is offline explains."""
    for excuse in evidence:
        bound = _EXCUSES.get(excuse.reason)
        if bound is None:
            continue
        began = int(float(excuse.facts.get("began", excuse.since)))
        longest = began + int(getattr(config.meter, bound) * _DAY_MS)
        over = longest if excuse.lasting and not excuse.ended else min(excuse.since, longest)
        grace = over + int(config.meter.excuse_grace_days * _DAY_MS)
        for place, held in enumerate(evidence):
            if held.reason in _EXCUSABLE and began - _AHEAD_MS <= held.since <= over:
                stands = held.lasting and not held.ended
                if now <= grace or not stands:
                    worths[place] = 0.0


def _identity(held: Held) -> tuple[str, str, str, str]:
    return held.family, held.reason, held.subject, held.detector


def _families(
    evidence: Sequence[Held], worths: Sequence[float], ranked: Sequence[int], repeat_factor: float
) -> dict[str, float]:
    """Combine each family's evidence by noisy-or.

    Repeats of one reason on other subjects count less and less. What was said before of the same subject and has not
    faded yet, as of a stop that paused, counts nothing beside what is said now; nor does another reason that reads the
    same figures.
    """
    remaining: dict[str, float] = {}
    told: set[tuple[str, str, str]] = set()
    repeats: dict[tuple[str, str], float] = {}
    spoken: dict[tuple[str, str], str] = {}
    for i in ranked:
        held = evidence[i]
        matter = held.family, _MATTERS.get(held.reason, held.reason)
        again = held.family, held.reason, held.subject
        if spoken.setdefault(matter, held.reason) != held.reason or again in told:
            continue
        told.add(again)
        kind = held.family, held.reason
        factor = repeats.get(kind, 1.0)
        repeats[kind] = factor * repeat_factor
        remaining[held.family] = remaining.get(held.family, 1.0) * (1.0 - min(worths[i] * factor, 1.0))
    return {family: 1.0 - remaining[family] for family in sorted(remaining)}


def _composite(families: Mapping[str, float], config: DetectionConfig) -> float:
    """Return the weighted noisy-or over the families, raised where several agree."""
    rules = config.fusion
    remaining = 1.0
    agreeing = 0
    for family, value in families.items():
        remaining *= 1.0 - rules.weights.get(family, rules.default_weight) * value
        agreeing += value >= rules.agrees_from
    exponent = 1.0 + rules.corroboration * max(agreeing - 1, 0)
    return float(1.0 - max(remaining, 0.0) ** exponent)


def _uncertainty(score: float, coverage: Mapping[str, str], config: DetectionConfig) -> tuple[float, float]:
    """Return the score if every stale or unseen family hid what such families may hide, and the fresh ones' share."""
    rules = config.fusion
    remaining, total, fresh = 1.0 - score, 0.0, 0.0
    for family, state in coverage.items():
        weight = rules.weights.get(family, rules.default_weight)
        total += weight
        if state == "fresh":
            fresh += weight
        else:
            remaining *= 1.0 - weight * (rules.stale_prior if state == "stale" else rules.never_prior)
    return max(1.0 - remaining, score), fresh / total if total else 0.0


def _floor(evidence: Sequence[Held], config: DetectionConfig) -> Level:
    """Return the highest floor of a legal opinion that stands."""
    highest = Level.NONE
    for held in evidence:
        stands = held.floor > highest and held.lasting and not held.ended and not held.closed
        if stands and held.family in config.fusion.legal_families:
            highest = held.floor
    return highest


def _reach(
    evidence: Sequence[Held],
    worths: Sequence[float],
    ranked: Sequence[int],
    families: Mapping[str, float],
    agrees_from: float,
) -> Level:
    """Return the highest level that the evidence may reach: no cap where two families agree."""
    if len(families) > 1 and sum(value >= agrees_from for value in families.values()) > 1:
        return Level.RED
    return max((evidence[i].reach for i in ranked if worths[i] >= agrees_from), default=Level.YELLOW)
