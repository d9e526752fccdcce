"""The conformance suite of detectors: what the engine relies on, run over every registered one.

    for check in yield_checks(detector):
        check(detector)

A check raises :class:`NonconformityError`, which says what was promised and what happened. The suite needs nothing but
the detector: its streams are made here, from fixed seeds.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from copy import deepcopy
from math import isfinite, nan
from random import Random
from typing import Any, Final, TypeGuard

from detectors.calendar import Calendar
from detectors.cohort import Cohort
from detectors.contract import (
    AnyDetector,
    Context,
    Event,
    EventDetector,
    Opinion,
    PeerBaseline,
    PeriodDetector,
    Profile,
    Series,
)
from detectors.reasons import codes, text

Check = Callable[[AnyDetector], None]

_DAILY: Final = frozenset({"daily_kwh", "news_count"})
#: A healthy enterprise's values.
_STEADY: Final[Mapping[str, float]] = {"daily_kwh": 1000.0, "news_count": 0.0, "contribution_owed": 0.0}
_EXTREMES: Final = (0.0, nan, 1e-300, 1e308, 1.7e308, -5.0, 1.0, 0.0, 0.0)
_FIRST_DAY: Final = 20_000  # 2024-10-04
_FIRST_MONTH: Final = 2024 * 12
_KEPT: Final = 60
_SETTLING: Final = 3
_PROFILE: Final = Profile(("甲精密机械有限公司",), "C3411", "350102", "small")
#: A memory, as JSON, may take this many bytes.
_MOST_BYTES: Final = 16_384


class NonconformityError(AssertionError):
    """A detector broke the contract; the message says how."""


def _demand(holds: bool, detector: AnyDetector, promise: str) -> None:
    if not holds:
        message = f"{detector.name}: {promise}"
        raise NonconformityError(message)


def _is_period(detector: AnyDetector) -> TypeGuard[PeriodDetector]:
    return hasattr(detector, "series")


def _is_event(detector: AnyDetector) -> TypeGuard[EventDetector]:
    return hasattr(detector, "events")


# ---- streams -------------------------------------------------------------------------------------------------------


def _values(name: str, periods: int, kind: str, seed: int) -> list[float]:
    """Return a stream of one series: ``steady``, ``eventful`` (falls, zeros, gaps, repeats) or ``extreme``."""
    random = Random(f"{name}/{kind}/{seed}")
    steady = _STEADY.get(name, 100.0)
    values: list[float] = []
    factor = 1.0
    for period in range(periods):
        if kind == "extreme":
            values.append(random.choice(_EXTREMES))
            continue
        if kind == "eventful" and period % 9 == 0 and period:
            factor = random.choice((0.0, 0.03, 0.3, 0.8, 1.0, 1.0, 4.0, nan))
        noise = 1.0 if kind == "eventful" and period % 27 > 15 else random.uniform(0.95, 1.05)
        base = steady if kind == "steady" else steady or 6.0
        values.append(base * factor * noise)
    return values


def _contexts(detector: PeriodDetector, periods: int, kind: str, seed: int = 1) -> Iterator[Context]:
    """Yield the context after each period has closed."""
    calendar = Calendar()
    streams = {name: _values(name, periods, kind, seed) for name in detector.series}
    peers = PeerBaseline(30, 0.9, 1.0, 1.1, "all")
    for period in range(periods):
        series: dict[str, Series] = {}
        baselines: dict[str, list[PeerBaseline | None]] = {}
        for name, values in streams.items():
            daily = name in _DAILY
            kept = values[max(period + 1 - _KEPT, 0) : period + 1]
            series[name] = Series((_FIRST_DAY if daily else _FIRST_MONTH) + period, kept, "kWh" if daily else "CNY")
            baselines[name] = [peers if period % 7 else None] * len(kept)
        yield Context(calendar.day_end(_FIRST_DAY + period), calendar, _PROFILE, series, baselines)


def _learn(detector: PeriodDetector, memory: Any, context: Context) -> None:
    for name in detector.series:
        settled = len(context.series[name].values) - 1 - _SETTLING
        if settled >= 0:
            detector.learn_one(memory, context, name, settled)


_WORDS: Final[Mapping[str, Sequence[Any]]] = {
    "status": ("arrears", "paid", "suspended", "resumed", "closed", "open", "outage", "capacity_reduced",
               "left", "active"),
    "account": ("0001", "0002"),
    "kind": ("arrears", "arrears_paid", "abnormal_household", "abnormal_lifted", "bankruptcy", "dishonest", "filing",
             "enforcement", "consumption_ban", "judgment"),
    "grade": ("A", "B", "M", "C", "D"),
    "role": ("defendant", "plaintiff", "third_party"),
    "relation": ("investor", "investee"),
    "party": ("甲投资有限公司", "乙有限公司"),
    "amount": (None, 0, 12.5, "1,000,000", 3e9),
    "title": ("甲精密机械拖欠员工工资", "甲精密机械被申请破产清算", "甲精密机械召开年会", "乙公司债务违约"),
}  # fmt: skip
_JUNK: Final[Sequence[Any]] = (
    None, True, False, 0, -1, 1e308, 10**5000, "", " ", "\u200b", "💥" * 50, "x" * 5000, [], [1, [2]], {},
    {"a": {"b": []}},
)  # fmt: skip


def _events(detector: EventDetector, count: int, *, junk: bool, seed: int = 1) -> Iterator[tuple[Event, Context]]:
    """Yield events of the detector's metrics, an hour to some days apart; with ``junk`` any JSON as their values."""
    random = Random(f"{detector.name}/{seed}")
    calendar = Calendar()
    now = calendar.day_start(_FIRST_DAY)
    for number in range(count):
        now += random.randrange(1, 100) * 3_600_000
        payload: dict[str, Any] = {key: random.choice(values) for key, values in _WORDS.items()}
        payload["case_no"] = f"（2024）闽0102执{random.choice(('', '恢'))}{random.randrange(200)}号"
        payload["title"] += "" if number % 3 else f"，第{number}次报道" * 3
        if junk:
            payload = {key: random.choice((value, *_JUNK)) for key, value in payload.items()}
            for key in random.sample(sorted(payload), k=random.randrange(4)):
                del payload[key]
        event = Event(random.choice(detector.events), payload, now - random.randrange(10**9), now, "gazette")
        yield event, Context(now, calendar, _PROFILE, {}, {})


def _run(detector: AnyDetector, memory: Any, count: int, kind: str, seed: int = 1) -> Iterator[tuple[Context, Any]]:
    """Judge and learn a stream; yield each step's context and opinions."""
    if _is_period(detector):
        for context in _contexts(detector, count, kind, seed):
            _learn(detector, memory, context)
            yield context, detector.judge_one(memory, context)
    elif _is_event(detector):
        for event, context in _events(detector, count, junk=kind == "extreme", seed=seed):
            opinions = detector.judge_one(memory, event, context)
            detector.learn_one(memory, event, context)
            yield context, opinions


def _written(memory: Any) -> str:
    return json.dumps(memory, ensure_ascii=True)


# ---- checks --------------------------------------------------------------------------------------------------------


def check_declares_itself(detector: AnyDetector) -> None:
    """Demand a name, a version from 1, a family, and exactly one kind."""
    _demand(bool(detector.name) and detector.name.replace("-", "").isalnum(), detector, "the name is letters and -")
    _demand(detector.version >= 1, detector, "the version is at least 1")
    _demand(bool(detector.family), detector, "the family is named")
    _demand(_is_period(detector) != _is_event(detector), detector, "it reads either series or events")
    reads = detector.series if _is_period(detector) else detector.events if _is_event(detector) else ()
    _demand(bool(reads) and isinstance(reads, tuple), detector, "what it reads is a tuple, and not empty")


def check_memory_survives_saving(detector: AnyDetector) -> None:
    """Demand that a saved and restored memory goes on exactly as one that was never saved."""
    for kind in ("eventful", "extreme"):
        kept, saved = detector.memory(), detector.memory()
        for (_, one), (_, two) in zip(_run(detector, kept, 90, kind), _resumed(detector, saved, 90, kind), strict=True):
            _demand(repr(one) == repr(two), detector, "opinions are the same after saving and restoring the memory")


def _resumed(detector: AnyDetector, memory: Any, count: int, kind: str) -> Iterator[tuple[Context, Any]]:
    """Like :func:`_run`, with the memory saved to JSON and restored before every step."""
    steps: Iterator[Any] = (
        _contexts(detector, count, kind)
        if _is_period(detector)
        else _events(detector, count, junk=kind == "extreme")
        if _is_event(detector)
        else iter(())
    )
    for step in steps:
        state = detector.dump(memory)
        memory = detector.load(json.loads(_written(state)))
        _demand(_written(detector.dump(memory)) == _written(state), detector, "dump(load(dump(m))) is dump(m)")
        if _is_period(detector):
            _learn(detector, memory, step)
            yield step, detector.judge_one(memory, step)
        elif _is_event(detector):
            opinions = detector.judge_one(memory, *step)
            detector.learn_one(memory, *step)
            yield step[1], opinions


def check_judging_changes_nothing(detector: AnyDetector) -> None:
    """Demand that ``judge_one`` leaves the memory as it was and says the same when asked again."""
    memory = detector.memory()
    if _is_period(detector):
        for context in _contexts(detector, 70, "eventful"):
            _learn(detector, memory, context)
            before = _written(detector.dump(memory))
            first, again = detector.judge_one(memory, context), detector.judge_one(memory, context)
            _demand(_written(detector.dump(memory)) == before, detector, "judging does not change the memory")
            _demand(repr(first) == repr(again), detector, "judging twice gives the same opinions")
    elif _is_event(detector):
        for event, context in _events(detector, 70, junk=False):
            before = _written(detector.dump(memory))
            first, again = detector.judge_one(memory, event, context), detector.judge_one(memory, event, context)
            _demand(_written(detector.dump(memory)) == before, detector, "judging does not change the memory")
            _demand(repr(first) == repr(again), detector, "judging twice gives the same opinions")
            detector.learn_one(memory, event, context)


def check_inputs_stay_as_they_are(detector: AnyDetector) -> None:
    """Demand that neither series nor payloads are changed."""
    memory = detector.memory()
    if _is_period(detector):
        for context in _contexts(detector, 70, "eventful"):
            before = repr((context.series, context.peers))
            _learn(detector, memory, context)
            detector.judge_one(memory, context)
            _demand(repr((context.series, context.peers)) == before, detector, "series and peers stay as they are")
    elif _is_event(detector):
        for event, context in _events(detector, 70, junk=True):
            payload = deepcopy(event.payload)
            detector.judge_one(memory, event, context)
            detector.learn_one(memory, event, context)
            _demand(event.payload == payload, detector, "the payload stays as it is")


def check_is_deterministic(detector: AnyDetector) -> None:
    """Demand that the same history gives the same opinions, whoever came between."""
    first = [repr(opinions) for _, opinions in _run(detector, detector.memory(), 90, "eventful")]
    for _ in _run(detector, detector.memory(), 30, "extreme", seed=7):
        pass
    second = [repr(opinions) for _, opinions in _run(detector, detector.memory(), 90, "eventful")]
    _demand(first == second, detector, "the same history gives the same opinions")


def check_memory_is_bounded(detector: AnyDetector) -> None:
    """Demand that the memory stays small, however long it watches."""
    memory = detector.memory()
    for _ in _run(detector, memory, 600, "eventful"):
        pass
    size = len(_written(detector.dump(memory)))
    _demand(size <= _MOST_BYTES, detector, f"a memory takes at most {_MOST_BYTES} bytes; it takes {size}")
    for _ in _run(detector, memory, 600, "eventful", seed=2):
        pass
    later = len(_written(detector.dump(memory)))
    _demand(later <= 1.5 * size + 256, detector, f"the memory stops growing; it grew from {size} to {later} bytes")


def check_opinions_are_well_formed(detector: AnyDetector) -> None:
    """Demand severities and confidences of 0 to 1, finite numbers, known reasons, and texts that render."""
    for kind in ("eventful", "extreme"):
        for context, opinions in _run(detector, detector.memory(), 250, kind):
            identities = [(opinion.reason, opinion.subject) for opinion in opinions]
            _demand(len(set(identities)) == len(identities), detector, "reason and subject tell its opinions apart")
            for opinion in opinions:
                _check_opinion(detector, opinion, context)


def _check_opinion(detector: AnyDetector, opinion: Opinion, context: Context) -> None:
    _demand(0.0 <= opinion.severity <= 1.0, detector, f"severity is 0 to 1, not {opinion.severity}")
    _demand(0.0 <= opinion.confidence <= 1.0, detector, f"confidence is 0 to 1, not {opinion.confidence}")
    _demand(opinion.reason in codes(), detector, f"the reason {opinion.reason} has texts")
    _demand(opinion.reason.startswith(f"{detector.family}."), detector, f"{opinion.reason} is of the family")
    _demand(isinstance(opinion.since, int), detector, "since is milliseconds, whole")
    _demand(opinion.half_life_days is None or opinion.half_life_days > 0, detector, "the half-life is above 0")
    numbers = [opinion.observed, opinion.expected, *opinion.facts.values()]
    finite = all(isfinite(number) for number in numbers if isinstance(number, int | float))
    _demand(finite, detector, f"numbers are finite: {numbers}")
    for sentence in text(opinion.reason, opinion, context.calendar):
        _demand(bool(sentence) and "{" not in sentence, detector, f"the text renders: {sentence!r}")


def check_tolerates_gaps(detector: AnyDetector) -> None:
    """Demand that missing, short and empty series, and missing peers, are no error and no opinion."""
    if not _is_period(detector):
        return
    calendar = Calendar()
    memory = detector.memory()
    for values in ([], [nan], [nan] * _KEPT, [100.0], [0.0]):
        series = {name: Series(_FIRST_DAY, list(values), "") for name in detector.series} if values else {}
        context = Context(0, calendar, Profile(), series, {})
        for name in series:
            detector.learn_one(memory, context, name, len(values) - 1)
        opinions = [] if values == [100.0] else detector.judge_one(memory, context)
        _demand(not opinions, detector, f"nothing is said of {len(values)} values without content")


def _cohort(contexts: Sequence[Context], series: str, back: int) -> Cohort:
    known = [context.series[series] for context in contexts]
    histories = [one.values for one in known]
    values = [history[-1 - back] if len(history) > back else nan for history in histories]
    names = [context.series.keys() for context in contexts]
    return Cohort(series, known[0].last, back, histories, values, names, contexts[0].calendar, contexts.__getitem__)


def _streams(detector: PeriodDetector) -> Iterator[tuple[Context, ...]]:
    """Yield the contexts of several enterprises side by side, after each period."""
    kinds = ("steady", "eventful", "eventful", "eventful", "extreme")
    return zip(*(_contexts(detector, 130, kind, seed) for seed, kind in enumerate(kinds)), strict=True)


def check_many_learn_as_one(detector: AnyDetector) -> None:
    """Demand that enterprises that learn together remember what each would have learned alone."""
    if not _is_period(detector):
        return
    alone, together = ([detector.memory() for _ in range(5)] for _ in range(2))
    for contexts in _streams(detector):
        for memory, context in zip(alone, contexts, strict=True):
            _learn(detector, memory, context)
        for name in detector.series:
            cohort = _cohort(contexts, name, _SETTLING)
            if len(cohort.histories[0]) > _SETTLING:
                detector.learn_many(iter(list(zip(range(5), together, cohort.values, strict=True))), cohort)
        one, many = (_written([detector.dump(memory) for memory in memories]) for memories in (alone, together))
        _demand(one == many, detector, "learning together is learning one by one")


def check_only_suspects_speak(detector: AnyDetector) -> None:
    """Demand that nothing would be said of an enterprise that is not suspected."""
    if not _is_period(detector):
        return
    memories = [detector.memory() for _ in range(5)]
    for contexts in _streams(detector):
        for memory, context in zip(memories, contexts, strict=True):
            _learn(detector, memory, context)
        suspects = {
            place for name in detector.series for place in detector.suspects(memories, _cohort(contexts, name, 0))
        }
        for place in set(range(5)) - suspects:
            opinions = detector.judge_one(memories[place], contexts[place])
            _demand(not opinions, detector, f"nothing is said of who is not suspected: {opinions}")


def check_tolerates_any_payload(detector: AnyDetector) -> None:
    """Demand that a payload may lack every key and have values of any JSON type."""
    if not _is_event(detector):
        return
    memory = detector.memory()
    for event, context in _events(detector, 400, junk=True, seed=3):
        detector.judge_one(memory, event, context)
        detector.learn_one(memory, event, context)
    empty = Event(detector.events[0], {}, 0, 0, "")
    _demand(not detector.judge_one(memory, empty, context), detector, "nothing is said of an empty payload")


def check_silent_while_all_is_well(detector: AnyDetector) -> None:
    """Demand silence on a steady, healthy enterprise, while the detector warms up and later."""
    if _is_period(detector):
        for context, opinions in _run(detector, detector.memory(), 120, "steady"):
            _demand(not opinions, detector, f"nothing is said of a steady enterprise: {opinions} at {context.now}")


def yield_checks(detector: AnyDetector) -> Iterator[Check]:
    """Yield every check that a detector has to pass.

    Examples
    --------
    >>> from detectors.config import default
    >>> from detectors.registry import default_detectors
    >>> detector = default_detectors(default())[0]
    >>> for check in list(yield_checks(detector))[:1]:
    ...     check(detector)
    """
    yield check_declares_itself
    yield check_memory_survives_saving
    yield check_judging_changes_nothing
    yield check_inputs_stay_as_they_are
    yield check_is_deterministic
    yield check_memory_is_bounded
    yield check_opinions_are_well_formed
    if _is_period(detector):
        yield check_tolerates_gaps
        yield check_silent_while_all_is_well
        yield check_many_learn_as_one
        yield check_only_suspects_speak
    if _is_event(detector):
        yield check_tolerates_any_payload
