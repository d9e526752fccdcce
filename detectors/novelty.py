"""Value novelty: has this value, here and now, been seen before? For any stream of numbers, whatever its period."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from math import inf, sqrt
from types import MappingProxyType
from typing import Final, NamedTuple

from detectors.cohort import OneByOne
from detectors.config import WATCHABLE, NoveltyConfig
from detectors.contract import Context, Opinion, Plain, Series

#: Larger numbers are no measurements; their squares would not be finite.
_LARGEST: Final = 1e100
#: The spread of a stream lies between the values that this share of the others is below and above.
_TAIL: Final = 0.01
#: The spread is looked up anew after each of the first values, then each so many.
_FIRST, _EVERY = 64, 16
#: What each of the four questions counts against the first one: the value, with an earlier one, and two floors.
_CONTEXT: Final = 0.2
#: What the first move counts of a stream that stood still.
_UNMOVED: Final = 10.0
#: A score has no limit; texts name no more than this.
_MOST_TOLD: Final = 1e6

_REASONS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "electricity": "electricity.novel-value",
        "tax": "tax.novel-value",
        "social_security": "social_security.novel-value",
        "sentiment": "sentiment.novel-value",
    }
)


class _Known(NamedTuple):
    """What is known of a number: how far the nearest landmark is, which one that is, where the number would go.

    The distance is what is left of the step to the landmark without the finest step that the stream ever made: the
    next one of whole numbers is nothing new.
    """

    distance: float
    step: float
    nearest: int
    place: int


class _Values:
    """Numbers that were seen, in bounded space: landmarks with weights, finer where they are few.

    When there are too many, the nearest neighbours become one, and numbers nearer than that are no new landmarks
    (the doubling algorithm of streaming clustering, in one dimension).
    """

    __slots__ = ("count", "finest", "least", "marks", "most", "spread", "square", "weights")

    def __init__(self, most: int) -> None:
        self.most = most
        self.marks: list[float] = []
        self.weights: list[int] = []
        self.count = 0
        #: Numbers nearer to a landmark than this are that landmark.
        self.least = 0.0
        #: The smallest step from a landmark to another number; 0 while there is none.
        self.finest = 0.0
        self.spread = 0.0
        #: Mean square of the distances at which numbers came, which fades.
        self.square = 0.0

    def find(self, value: float) -> _Known:
        marks = self.marks
        place = bisect_left(marks, value)
        step, nearest = inf, -1
        if place < len(marks):
            step, nearest = marks[place] - value, place
        if place and value - marks[place - 1] < step:
            step, nearest = value - marks[place - 1], place - 1
        finest = self.finest if 0.0 < self.finest < step else step
        return _Known(inf if nearest < 0 else step - finest, step, nearest, place)

    def novelty(self, known: _Known, unmoved: float = 0.0) -> float:
        """Return the distance, measured by the geometric mean of the spread and of the usual distance.

        Where nothing ever moved there is no measure: any distance counts ``unmoved``, after enough values.
        """
        if not self.count:
            return 0.0
        scale = sqrt(self.square) * self.spread
        if scale > 0:
            return known.distance / sqrt(scale)
        return unmoved if known.step > 0 and self.count >= _FIRST else 0.0

    def learn(self, value: float, known: _Known, fading: float) -> None:
        if self.count:
            self.square += fading * (known.distance * known.distance - self.square)
            if known.step > 0 and not 0.0 < self.finest <= known.step:
                self.finest = known.step
        self.count += 1
        if known.distance <= self.least:
            self.weights[known.nearest] += 1
        else:
            self.marks.insert(known.place, value)
            self.weights.insert(known.place, 1)
            if len(self.marks) > self.most:
                self._thin()
        if self.count < _FIRST or self.count % _EVERY == 0:
            self.spread = self._beyond(reversed(self.marks), reversed(self.weights))
            self.spread -= self._beyond(iter(self.marks), iter(self.weights))

    def _beyond(self, marks: Iterator[float], weights: Iterator[int]) -> float:
        """Return the first landmark, from one end, that is not in the tail."""
        left = _TAIL * (self.count - 1)
        for mark, weight in zip(marks, weights, strict=True):
            left -= weight
            if left < 0:
                return mark
        return 0.0

    def _thin(self) -> None:
        gaps = sorted(after - before for before, after in pairwise(self.marks))
        self.least = max(2.0 * self.least, gaps[len(gaps) // 4])
        marks, weights = self.marks[:1], self.weights[:1]
        for mark, weight in zip(self.marks[1:], self.weights[1:], strict=True):
            if mark - marks[-1] <= self.least:
                weights[-1] += weight
            else:
                marks.append(mark)
                weights.append(weight)
        self.marks, self.weights = marks, weights

    def dump(self) -> list[Plain]:
        figures: list[Plain] = [self.count, self.least, self.finest, self.spread, self.square]
        return [*figures, [*self.marks], [*self.weights]]

    def load(self, state: list[Plain]) -> None:
        self.count, self.least, self.finest, self.spread, self.square, marks, weights = state  # type: ignore[assignment]  # as dump wrote them
        self.marks, self.weights = list(marks), list(weights)  # type: ignore[arg-type]  # likewise


class _Pairs:
    """Pairs of numbers that were seen together, in bounded space; the distance is that of the number further off."""

    __slots__ = ("least", "marks", "most", "square")

    def __init__(self, most: int) -> None:
        self.most = most
        self.marks: list[tuple[float, float]] = []
        self.least = 0.0
        self.square = 0.0

    def find(self, pair: tuple[float, float]) -> _Known:
        """Look both ways from the pair's place, as far as the first number alone is nearer than what was found."""
        first, second = pair
        marks = self.marks
        place = bisect_left(marks, pair)
        best = inf
        for i in range(place, len(marks)):
            one, two = marks[i]
            distance, other = one - first, abs(two - second)
            if distance >= best:
                break
            farther = distance if distance > other else other
            if farther < best:
                best = farther
        for i in range(place - 1, -1, -1):
            one, two = marks[i]
            distance, other = first - one, abs(two - second)
            if distance >= best:
                break
            farther = distance if distance > other else other
            if farther < best:
                best = farther
        return _Known(best, best, -1, place)

    def novelty(self, known: _Known, spread: float) -> float:
        if not self.marks:
            return 0.0
        scale = sqrt(self.square) * spread
        return known.distance / sqrt(scale) if scale > 0 else 0.0

    def learn(self, pair: tuple[float, float], known: _Known, fading: float, spread: float) -> None:
        if self.marks:
            self.square += fading * (known.distance * known.distance - self.square)
        if known.distance <= self.least:
            return
        self.marks.insert(known.place, pair)
        if len(self.marks) > self.most:
            self._thin(spread)

    def _thin(self, spread: float) -> None:
        self.least = max(2.0 * self.least, spread / (4.0 * sqrt(self.most)))
        before, self.marks = self.marks, []
        for pair in before:
            known = self.find(pair)
            if known.distance > self.least:
                self.marks.insert(known.place, pair)
        del self.marks[self.most :]  # without a spread nothing was merged

    def dump(self) -> list[Plain]:
        return [self.least, self.square, [list(pair) for pair in self.marks]]

    def load(self, state: list[Plain]) -> None:
        self.least, self.square, marks = state  # type: ignore[assignment]  # as dump wrote them
        pairs: list[tuple[float, float]] = marks  # type: ignore[assignment]  # likewise
        self.marks = [(one, two) for one, two in pairs]


class ValueNovelty:
    """How new each value of a stream is, told once.

    Four questions are asked of every value, and their answers added up, the first one counting five times as much:
    was this value seen before? Together with the one of two steps ago? Has the stream ever stayed above this value for
    6 steps, and for 48? An answer is the distance to the nearest that was seen, measured by the geometric mean of the
    stream's spread (its 1 % to 99 %) and of the usual distance (root mean square, fading): a stream that brings new
    values all the time must bring newer ones to be heard. The finest step that a stream makes is no distance.

    What was new is not new again: a score counts only if it is ``repeat`` times the highest one so far, which is
    forgotten by half every ``half_life`` steps; all others are 0.

    Parameters
    ----------
    landmarks
        How many values, pairs and floors are remembered; space is about 45 bytes for each, saved. More tells smaller
        differences apart; from 64 to 1,024 the scores hardly change.
    half_life
        Steps. Longer says less about what follows an alarm.
    repeat
        Higher says less about what follows an alarm.
    memory
        Steps over which the usual distance is taken. Shorter adapts faster to a stream that grows unruly.

    Examples
    --------
    >>> stream = ValueNovelty()
    >>> scores = [stream.update(float(step % 24)) for step in range(500)]
    >>> scores[-1], stream.update(90.0) > 10, stream.update(90.0)
    (0.0, True, 0.0)
    """

    __slots__ = ("_fading", "_floors", "_keep", "_level", "_pairs", "_recent", "_repeat", "_steps", "_values")

    #: Steps between the two values of a pair, and the windows of the floors.
    APART: Final = 2
    WINDOWS: Final = (6, 48)

    def __init__(
        self, landmarks: int = 1_024, half_life: float = 50.0, repeat: float = 1.5, memory: float = 4_000.0
    ) -> None:
        self._keep = 0.5 ** (1.0 / half_life)
        self._repeat = repeat
        self._fading = 1.0 / memory
        self._values = _Values(landmarks)
        self._pairs = _Pairs(landmarks)
        self._floors = [_Values(landmarks) for _ in self.WINDOWS]
        self._recent: list[float] = []
        self._steps = 0
        self._level = 0.0

    @property
    def steps(self) -> int:
        """How many values were learned."""
        return self._steps

    def score(self, values: Sequence[float]) -> float:
        """Return how new the last of some values is that follow one another; learns nothing."""
        recent, level = [*self._recent], self._level
        score = 0.0
        for value in values:
            if not -_LARGEST < value < _LARGEST:
                score = 0.0
                continue
            recent.append(value)
            score, level = self._told(self._novelty(recent), level)
        return score

    def update(self, value: float) -> float:
        """Return how new a value is, and learn it.

        Numbers that are not finite, or beyond 10 to the 100, are passed over and score 0.
        """
        if not -_LARGEST < value < _LARGEST:
            return 0.0
        recent = self._recent
        recent.append(value)
        if len(recent) > self.WINDOWS[-1]:
            del recent[0]
        self._steps += 1
        fading = max(1.0 / self._steps, self._fading)
        values, pairs = self._values, self._pairs
        pair = (value, recent[max(-1 - self.APART, -len(recent))])
        together, spread = pairs.find(pair), values.spread
        known = values.find(value)
        novelty = values.novelty(known, _UNMOVED) + _CONTEXT * pairs.novelty(together, spread)
        pairs.learn(pair, together, fading, spread)
        values.learn(value, known, fading)
        for floor, window in zip(self._floors, self.WINDOWS, strict=True):
            low = min(recent[-window:])
            known = floor.find(low)
            novelty += _CONTEXT * floor.novelty(known)
            floor.learn(low, known, fading)
        score, self._level = self._told(novelty, self._level)
        return score

    def _novelty(self, recent: Sequence[float]) -> float:
        """Return the sum of the answers for the last of the recent values."""
        values, pairs = self._values, self._pairs
        value = recent[-1]
        novelty = values.novelty(values.find(value), _UNMOVED)
        together = pairs.find((value, recent[max(-1 - self.APART, -len(recent))]))
        novelty += _CONTEXT * pairs.novelty(together, values.spread)
        for floor, window in zip(self._floors, self.WINDOWS, strict=True):
            novelty += _CONTEXT * floor.novelty(floor.find(min(recent[-window:])))
        return novelty

    def _told(self, novelty: float, level: float) -> tuple[float, float]:
        """Return the score that counts, and the level that the next one has to pass."""
        level *= self._keep
        return (novelty if novelty > level * self._repeat else 0.0), max(novelty, level)

    def dump(self) -> list[Plain]:
        """Return what :meth:`load` takes."""
        floors: list[Plain] = [floor.dump() for floor in self._floors]
        return [self._steps, self._level, [*self._recent], self._values.dump(), self._pairs.dump(), floors]

    def load(self, state: list[Plain]) -> None:
        """Take on what :meth:`dump` returned."""
        self._steps, self._level, recent, values, pairs, floors = state  # type: ignore[assignment]  # as dump wrote them
        self._recent = list(recent)  # type: ignore[arg-type]  # likewise
        self._values.load(values)  # type: ignore[arg-type]  # likewise
        self._pairs.load(pairs)  # type: ignore[arg-type]  # likewise
        for floor, saved in zip(self._floors, floors, strict=True):  # type: ignore[arg-type]  # likewise
            floor.load(saved)  # type: ignore[arg-type]  # likewise


class Watched:
    """What is remembered of one series: how new its values were, and up to which period they were learned."""

    __slots__ = ("last", "stream")

    def __init__(self, stream: ValueNovelty) -> None:
        self.stream = stream
        self.last: int | None = None


class Novelty(OneByOne):
    """A value of a series, daily or monthly, that is unlike anything that the enterprise has shown so far.

    It says that something is new, neither what nor whether it is bad, so it is for analysts who look at one series
    closely: listed in ``series`` of the configuration, and off otherwise. An opinion is told for the period itself and
    fades from it.

    Parameters
    ----------
    config
        Threshold, severity, space.
    series
        Its name, of :data:`detectors.config.WATCHABLE`.
    """

    version = 1

    def __init__(self, config: NoveltyConfig, series: str) -> None:
        self.family, self._daily = WATCHABLE[series]
        self.name = f"novelty-{series.replace('_', '-')}"
        self.series = (series,)
        self._config = config

    def memory(self) -> Watched:
        """Return the memory of an enterprise that was never seen."""
        return Watched(ValueNovelty(self._config.landmarks, self._config.repeat_half_life))

    def dump(self, memory: Watched) -> list[Plain]:
        """Return the memory as plain values."""
        return [memory.last, memory.stream.dump()]

    def load(self, state: list[Plain]) -> Watched:
        """Return the memory that ``dump`` described."""
        memory = self.memory()
        memory.last, stream = state  # type: ignore[assignment]  # as dump wrote them
        memory.stream.load(stream)  # type: ignore[arg-type]  # likewise
        return memory

    def learn_one(self, memory: Watched, context: Context, series: str, index: int) -> None:
        """Learn a settled period."""
        known = context.series[series]
        memory.stream.update(known.values[index])
        memory.last = known.period(index)

    def judge_one(self, memory: Watched, context: Context) -> Sequence[Opinion]:
        """Return that the newest value is new, if it is."""
        known = context.series.get(self.series[0])
        if known is None or memory.last is None or memory.stream.steps < self._config.min_history:
            return ()
        value = known.values[-1]
        score = memory.stream.score(self._unsettled(known, memory.last))
        if score < self._config.threshold:
            return ()
        calendar = context.calendar
        return (
            Opinion(
                _REASONS[self.family],
                self._config.severity,
                observed=value,
                unit=known.unit,
                since=calendar.day_start(known.last) if self._daily else calendar.month_start(known.last),
                lasting=False,
                half_life_days=self._config.half_life_days,
                facts={"score": min(score, _MOST_TOLD)},
            ),
        )

    def _unsettled(self, known: Series, learned: int) -> Sequence[float]:
        """Return the values that came after the ones that were learned."""
        return known.values[-(known.last - learned) :] if known.last > learned else known.values[-1:]


def detectors(config: NoveltyConfig) -> tuple[Novelty, ...]:
    """Return a detector for each series that the configuration names: none by default."""
    return tuple(Novelty(config, series) for series in config.series)
