"""From a fused score to a warning level: rises at once, falls late, and says by which rule."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, NamedTuple

from detectors.config import DetectionConfig, LevelsConfig
from detectors.contract import Level
from detectors.fusion import Fused, Held, fuse

_HOUR_MS = 3_600_000

Rule = Literal[
    # The score reached the level.
    "score",
    # A legal fact that stands sets the level; the score alone would give less.
    "legal-floor",
    # The score would give more, but one family alone does not reach further.
    "single-family-cap",
    # Nothing changed.
    "steady",
    # The score is below the level, but not by enough to leave it.
    "hysteresis",
    # The level has not stood long enough to fall.
    "dwell",
    # Levels fall on ticks only, not in the middle of a record.
    "awaits-tick",
    # The evidence subsided, and the level fell.
    "subsided",
    # The evidence was withdrawn, so the level fell at once.
    "retracted",
]


class LevelDecision(NamedTuple):
    """A level and the rule that gave it."""

    level: Level
    rule: Rule


def level_of(score: float, levels: LevelsConfig) -> Level:
    """Return the level that a score alone gives.

    Examples
    --------
    >>> level_of(0.5, LevelsConfig()).name
    'YELLOW'
    """
    if score >= levels.red:
        return Level.RED
    if score >= levels.orange:
        return Level.ORANGE
    if score >= levels.yellow:
        return Level.YELLOW
    return Level.BLUE if score >= levels.blue else Level.NONE


def decide(
    current: Level,
    entered_at: int,
    fused: Fused,
    now: int,
    config: DetectionConfig,
    *,
    may_fall: bool,
    retracted: bool = False,
) -> LevelDecision:
    """Return the enterprise's level and the rule that decided it.

    Parameters
    ----------
    current, entered_at
        The level that stands, and since when. Milliseconds.
    fused
        The evidence now.
    now
        The stack clock. Milliseconds.
    config
        Thresholds, hysteresis and dwell.
    may_fall
        Whether a fall is allowed now: on ticks. A rise always is.
    retracted
        Whether evidence behind the level was withdrawn as mistaken: it then falls without dwelling.

    Examples
    --------
    >>> from detectors.config import default
    >>> fused = Fused(0.5, 0.5, 0.6, {"tax": 0.55}, Level.NONE, Level.YELLOW, 0.8, (0,))
    >>> decide(Level.NONE, 0, fused, 0, default(), may_fall=False)
    LevelDecision(level=<Level.YELLOW: 2>, rule='score')
    """
    levels = config.levels
    by_score = level_of(fused.score, levels)
    capped = min(by_score, fused.reach)
    target = max(capped, fused.floor)
    if target > current:
        return LevelDecision(target, _rise_rule(by_score, capped, fused.floor))
    if target == current:
        return LevelDecision(current, "steady")
    held = max(min(level_of(fused.score + levels.hysteresis, levels), fused.reach), fused.floor)
    if held >= current:
        return LevelDecision(current, "hysteresis")
    if not may_fall:
        return LevelDecision(current, "awaits-tick")
    if retracted:
        return LevelDecision(target, "retracted")
    if now - entered_at < levels.fall_dwell_hours * _HOUR_MS:
        return LevelDecision(current, "dwell")
    return LevelDecision(held, "subsided")


def level_without(evidence: Sequence[Held], one: Held, now: int, config: DetectionConfig) -> Level:
    """Return the level that an enterprise would come to if one piece of its evidence had gone.

    Parameters
    ----------
    evidence
        All that is held.
    one
        What would be gone.
    now
        The stack clock. Milliseconds.
    config
        Thresholds and weights.
    """
    left = fuse([held for held in evidence if held is not one], {}, now, config)
    return decide(Level.NONE, 0, left, now, config, may_fall=True).level


def _rise_rule(by_score: Level, capped: Level, floor: Level) -> Rule:
    if floor > capped:
        return "legal-floor"
    return "single-family-cap" if by_score > capped else "score"
