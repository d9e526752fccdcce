"""What a detector is: it reads a view of one enterprise and returns opinions.

Detectors are pure. All they remember of an enterprise is their *memory*, which the engine keeps, saves as a list of
numbers and gives back. Times are integers, milliseconds since the epoch (UTC). Days and months are ordinals of the
calendar (:mod:`detectors.calendar`), in the source's zone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, TypeAlias

if TYPE_CHECKING:
    from detectors.calendar import Calendar
    from detectors.cohort import Cohort, Each

#: A value that msgpack can hold: what a memory is saved as. No floats are lost: they are written as 64 bits.
Plain: TypeAlias = "bool | int | float | str | bytes | list[Plain] | None"


class Level(IntEnum):
    """Warning levels in order, so that they can be compared."""

    NONE = 0
    BLUE = 1
    YELLOW = 2
    ORANGE = 3
    RED = 4


@dataclass(frozen=True, slots=True)
class Clearance:
    """What would clear an opinion: the series back above (or below) a value for some periods."""

    series: str
    threshold: float
    unit: str
    periods: int
    above: bool = True


@dataclass(frozen=True, slots=True)
class Opinion:
    """What one detector thinks of one enterprise, now.

    Parameters
    ----------
    reason
        Code of the reason, ``<family>.<what>``; :mod:`detectors.reasons` has its texts.
    subject
        Tells two opinions of one detector apart (a case number, a cluster of news); empty where there is one at most.
    severity, confidence
        0 to 1.
    observed, expected, unit
        The numbers behind it, where there are any.
    since
        When the condition began. Milliseconds.
    lasting
        True: it stands undiminished until the detector no longer returns it, and decays from then. False: it decays
        from ``since``.
    half_life_days
        How fast it decays once it does; None: never.
    closed
        The matter itself is over (a record was removed): severity × ``closed_factor`` of the configuration.
    floor
        The enterprise's level is at least this while the opinion stands. For legal facts only.
    reach
        The highest level that this family may reach alone because of this opinion.
    clearance
        What would clear it.
    facts
        What the texts name besides the numbers.
    refuted
        It takes back what was said of its subject: the source has corrected the report that it rested on.
    """

    reason: str
    severity: float
    since: int
    subject: str = ""
    confidence: float = 1.0
    observed: float | None = None
    expected: float | None = None
    unit: str = ""
    lasting: bool = True
    half_life_days: float | None = 14.0
    closed: bool = False
    floor: Level = Level.NONE
    reach: Level = Level.YELLOW
    clearance: Clearance | None = None
    facts: Mapping[str, str | float] = field(default_factory=dict)
    refuted: bool = False


@dataclass(frozen=True, slots=True)
class Profile:
    """Who the enterprise is, as far as detectors care; every part may be unknown (empty)."""

    names: tuple[str, ...] = ()
    industry: str = ""
    region: str = ""
    size: str = ""


class Series(NamedTuple):
    """The closed periods of one metric.

    Parameters
    ----------
    last
        Ordinal of the newest closed period.
    values
        Its value last, the older ones before it, at most 60; NaN where nothing came. Treat as read-only.
    unit
        Of the values.
    """

    last: int
    values: Sequence[float]
    unit: str = ""

    def period(self, index: int) -> int:
        """Return the ordinal of ``values[index]``.

        Examples
        --------
        >>> series = Series(last=20, values=[1.0, 2.0, 3.0])
        >>> series.period(0), series.period(-1)
        (18, 20)
        """
        return self.last - (len(self.values) - 1 - index % len(self.values))

    def upto(self, period: int) -> Sequence[float]:
        """Return the values up to a period that has closed, none where they are not kept.

        Examples
        --------
        >>> Series(last=20, values=[1.0, 2.0, 3.0]).upto(19)
        [1.0, 2.0]
        """
        return self.values[: max(len(self.values) - (self.last - period), 0)]


@dataclass(frozen=True, slots=True)
class PeerBaseline:
    """How an enterprise's peers did in one period, relative to their own usual value.

    Parameters
    ----------
    count
        How many peers it was computed from.
    low, median, high
        Quartiles of value ÷ own usual value.
    scope
        Which group it is: ``industry/region/size``, ``region`` or ``all``.
    """

    count: int
    low: float
    median: float
    high: float
    scope: str


class Context(NamedTuple):
    """Everything else that a detector may look at.

    Parameters
    ----------
    now
        The stack clock. Milliseconds.
    calendar
        Days, months, holidays.
    profile
        Who the enterprise is.
    series
        The enterprise's closed series by name, of every family: a cross-signal detector reads several.
    peers
        By series name: how the peers did, one entry per closed period, parallel to the series' newest values (the
        last entry is the newest period); None where there is no baseline.
    """

    now: int
    calendar: Calendar
    profile: Profile
    series: Mapping[str, Series]
    peers: Mapping[str, Sequence[PeerBaseline | None]]


class Event(NamedTuple):
    """Something that happened to the enterprise, as its source put it.

    Parameters
    ----------
    metric
        Which event of the catalogue.
    payload
        As the source sent it; keys and closed lists have been checked, the types of the values have not.
    event_time, published_at
        Milliseconds; published_at falls back to the record's time.
    source
        Who said it.
    report
        Tells this report of the source from its others; all its revisions have the same. 0: unknown.
    revision
        0, or which correction of the report this is.
    """

    metric: str
    payload: Mapping[str, Any]
    event_time: int
    published_at: int
    source: str
    report: int = 0
    revision: int = 0


class Detector(Protocol):
    """What every detector has.

    ``name`` is unique, ``version`` grows when its opinions change for the same input, ``family`` is the one that its
    opinions count for. ``memory()`` returns a new enterprise's memory; ``dump`` gives what restores it through
    ``load``, bit for bit: ``dump(load(dump(m))) == dump(m)``. A memory is bounded, whatever the input.
    """

    @property
    def name(self) -> str:
        """Its unique name."""
        ...

    @property
    def version(self) -> int:
        """Grows when its opinions change for the same input."""
        ...

    @property
    def family(self) -> str:
        """The family that its opinions count for."""
        ...

    def memory(self) -> Any:
        """Return a new enterprise's memory."""
        ...

    def dump(self, memory: Any) -> list[Plain]:
        """Return the memory as plain values."""
        ...

    def load(self, state: list[Plain]) -> Any:
        """Return the memory that ``dump`` described."""
        ...


class PeriodDetector(Detector, Protocol):
    """Judges when a period of one of its ``series`` has closed, or a closed one was restated."""

    @property
    def series(self) -> tuple[str, ...]:
        """The series that it reads; it is asked when any of them has closed a period."""
        ...

    def judge_one(self, memory: Any, context: Context) -> Sequence[Opinion]:
        """Return all that it holds now; what it returned before and does not now has ended.

        Changes neither memory nor context. Decides from the series themselves, so that a restated value changes the
        answer.
        """
        ...

    def learn_one(self, memory: Any, context: Context, series: str, index: int) -> None:
        """Learn ``context.series[series].values[index]``, a period that has settled (and may be NaN).

        Called once for each period, in order. The memory cannot unlearn.
        """
        ...

    def learn_many(self, each: Each, cohort: Cohort) -> None:
        """Learn the period of a cohort from each of its enterprises, as ``learn_one`` would from one after the other.

        After an exception it is called again with what is left of ``each``.
        """
        ...

    def suspects(self, memories: Sequence[Any], cohort: Cohort) -> Sequence[int]:
        """Return the places of all of whom ``judge_one`` might say something, judging by their newest period.

        The others are not asked. Changes nothing.
        """
        ...


class EventDetector(Detector, Protocol):
    """Judges each event of its ``events`` as it arrives."""

    @property
    def events(self) -> tuple[str, ...]:
        """The event metrics that it reads."""
        ...

    def judge_one(self, memory: Any, event: Event, context: Context) -> Sequence[Opinion]:
        """Return the opinions that this event makes or changes.

        An opinion replaces the earlier one of the same subject; others stay as they are. Changes nothing.
        """
        ...

    def learn_one(self, memory: Any, event: Event, context: Context) -> None:
        """Take the event into the memory. Called once for each, after ``judge_one``."""
        ...


#: What :mod:`detectors.registry` lists: a detector of either kind.
AnyDetector: TypeAlias = "PeriodDetector | EventDetector"
