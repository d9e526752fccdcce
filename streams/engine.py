"""The risk engine of one partition group: signals in; findings, risk, alerts and metrics out.

Pure and deterministic: no I/O, no clock, no randomness. The agent, ``forewarn replay`` and every evaluation drive this
same object. ``process`` applies one message at the stack clock's ``now``; only ``advance`` closes periods, decays
evidence and lets levels fall, at deadlines that depend on the calendar alone. So ``advance(a); advance(b)`` equals
``advance(b)``, and how often it is called does not matter.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Mapping, Sequence
from copy import copy
from dataclasses import dataclass, field, replace
from functools import partial
from hashlib import blake2b
from operator import attrgetter
from typing import Any, NamedTuple

import numpy as np

from connectors.catalogue import DAY_MS, FAMILIES, Kind, Metric, Period
from connectors.decoding import Reason as RefusalReason
from connectors.decoding import Received
from connectors.models import Alert, Enterprise, Finding, FindingState, Risk, Signal
from connectors.readings import Ints, Readings
from detectors.contract import Context, Event, Opinion, PeriodDetector, Profile
from detectors.fusion import Held, fuse, worth
from detectors.levels import decide
from detectors.peers import Baselines, Identity, baselines
from streams.clock import millis
from streams.cohorts import Cohorts, Failure
from streams.evidence import MOST_HELD, Change, Origin, absorb_event, absorb_periods, trim, withdraw_refuted
from streams.opendays import OpenDays
from streams.roster import Roster
from streams.rules import Cycle, Rules, SeriesRule, fresh_ms
from streams.series import HORIZON, Closed, Open, Ref, RefusedError, RepeatedError, add_reading
from streams.state import SEEN_EVENTS, EnterpriseState, Entry
from streams.telling import DayRow, Teller
from streams.usuals import Identities, Usuals
from streams.views import PeerView, SeriesView

#: From so many readings per enterprise on, all are counted at once instead of in turns.
_REPEATS = 3
#: A score that moved less than this is not told again.
RISK_STEP = 0.02
_FAMILY_CODES = {"fresh": "F", "stale": "S", "never": "N"}
#: What a piece of evidence weighs, decay apart.
_stake = attrgetter(
    "reason", "subject", "severity", "confidence", "since", "lasting", "half_life_days", "closed", "ended", "floor",
    "reach",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Fault:
    """A detector raised on an enterprise's closed periods; its opinion is missing, everything else went on."""

    enterprise: str
    detector: str
    ref: Ref
    error: str


@dataclass(slots=True)
class Outcome:
    """What one call to the engine brought about.

    Parameters
    ----------
    findings, risks, alerts, metrics
        Messages to write, in order.
    refused
        Reason and detail, when the message could not be applied after what came before.
    repeated
        Whether the message had been applied before and changed nothing.
    faults
        Detectors that raised while periods were closed.
    at
        The stack clock when it was decided. Milliseconds.
    """

    findings: list[Finding] = field(default_factory=list)
    risks: list[Risk] = field(default_factory=list)
    alerts: list[Alert] = field(default_factory=list)
    metrics: list[DayRow] = field(default_factory=list)
    refused: tuple[RefusalReason, str] | None = None
    repeated: bool = False
    faults: list[Fault] = field(default_factory=list)
    at: int = 0


class Closing(NamedTuple):
    """A period that is being closed: which, from which enterprise on, and how many there were when it began."""

    cycle: int
    ordinal: int
    row: int
    rows: int


@dataclass(slots=True)
class _Part:
    """One series of a period that closes: what is the same for everybody, and what is noted of those it closed for.

    Parameters
    ----------
    rule, ordinal
        The series, and the period.
    start, last_day
        When the period began, milliseconds; its last day.
    opened
        By number of the enterprise: what stood in the table of open days.
    rows, usual
        Whose period was closed, and what is usual of each since.
    rows_with_figures
        Those of whom nothing newer was known.
    """

    rule: SeriesRule
    ordinal: int
    start: int
    last_day: int
    opened: Mapping[int, Open]
    rows: list[int] = field(default_factory=list)
    usual: list[float] = field(default_factory=list)
    rows_with_figures: list[int] = field(default_factory=list)


class RiskEngine:
    """Scores the enterprises of one partition group.

    Parameters
    ----------
    rules
        Catalogue, calendar, detectors and configuration.

    Attributes
    ----------
    now
        The stack clock: the newest moment at which something was applied. Never goes back. Milliseconds.
    next
        By cycle: the ordinal of the period that closes next; empty before the first signal.
    closing
        What is left to do of the period that closed last; None when all have been judged.
    enterprises
        Who they are, and what is remembered of each.
    days
        By series of daily readings: the open days of all enterprises.
    dirty_hot, dirty_cold, dirty_peers
        What has changed since the last checkpoint: numbers of enterprises; series and period.
    """

    def __init__(self, rules: Rules) -> None:
        self.rules = rules
        self.enterprises = Roster(rules.detectors, tuple(rules.series))
        self.days = {
            rule.name: OpenDays(rules.topic_rank[f"signals.{rule.family}"], rule.slots)
            for rule in rules.series.values()
            if rule.in_columns
        }
        self.now = 0
        self.next: list[int] = []
        self.closing: Closing | None = None
        self.peers: dict[tuple[str, int], Baselines] = {}
        self.dirty_hot: set[int] = set()
        self.dirty_cold: set[int] = set()
        self.dirty_peers: set[tuple[str, int]] = set()
        self._due: float = math.inf
        self._due_of: list[int] = []
        self._teller = Teller(rules)
        self._cohorts = Cohorts(rules.calendar, self._context_now)
        self._fresh_ms = fresh_ms()
        # By series and row: of the period that is closing, relative to the usual one.
        self._shares: dict[str, dict[int, float]] = {name: {} for name in rules.series}
        self._usuals = {name: Usuals() for name in rules.series}
        self._identities = Identities()
        self._latest = np.zeros(0, dtype=np.int64)  # scratch: by enterprise, a place in the batch in hand

    def schedule(self) -> dict[str, int]:
        """Return by cycle which period closes next: what :meth:`resume` takes."""
        return {cycle.name: ordinal for cycle, ordinal in zip(self.rules.cycles, self.next, strict=False)}

    def resume(self, now: int, schedule: Mapping[str, int], closing: Sequence[Any] | None) -> None:
        """Go on from a state record. A cycle that the program did not have then begins with the period open then."""
        self.now, cycles = now, self.rules.cycles if schedule else ()
        self.next = [schedule.get(cycle.name, cycle.ordinal_at(now, self.rules.calendar)) for cycle in cycles]
        self.closing = None
        if closing is not None:
            name, ordinal, row, rows = closing
            indexes = [index for index, cycle in enumerate(self.rules.cycles) if cycle.name == name]
            self.closing = Closing(indexes[0], ordinal, row, rows) if indexes else None

    def restored(self) -> None:
        """Note that every record of the state has been taken in."""
        self.dirty_cold |= self.enterprises.restored()
        for name, table in self.days.items():
            table.reserve(len(self.enterprises))
            for row, opened in self.enterprises.opened.items():
                table.crowded[row] = name in opened

    def left_to_close(self) -> list[Any] | None:
        """Return what is closing: what :meth:`resume` takes."""
        if self.closing is None:
            return None
        index, ordinal, row, rows = self.closing
        return [self.rules.cycles[index].name, ordinal, row, rows]

    # ---- messages ----------------------------------------------------------------------------------------------

    def process(self, received: Received, now: int) -> Outcome:
        """Apply one message.

        Parameters
        ----------
        received
            A decoded message and where it stands.
        now
            The record's time, milliseconds. The engine's clock becomes the later of this and what it was.

        Returns
        -------
        Outcome
            What it brought about. Levels may rise here, not fall.
        """
        self.now = max(self.now, now)
        out = Outcome(at=self.now)
        message = received.message
        # Registry entries may be undated, hence from 1970: from there on every day would have to be closed.
        if isinstance(message, Signal):
            self._begin()
        state = self.enterprises.state(self._row_of(message.enterprise_id))
        try:
            if isinstance(message, Enterprise):
                self._register(message, state)
            else:
                self._observe(received, message, state, out)
        except RepeatedError:
            out.repeated = True
        except RefusedError as error:
            out.refused = (error.reason, str(error))
        return out

    def _begin(self) -> None:
        """With the first signal: nothing has closed before it."""
        if not self.next:
            self.next = [cycle.ordinal_at(self.now, self.rules.calendar) for cycle in self.rules.cycles]

    def _row_of(self, enterprise: str) -> int:
        """Return the number of an enterprise, a new one if need be."""
        row = self.enterprises.rows.get(enterprise)
        if row is None:
            row = self.enterprises.add(enterprise)
            self._touch(row)
            for table in self.days.values():
                table.reserve(len(self.enterprises))
        return row

    def _touch(self, row: int) -> None:
        """Note that what is remembered of an enterprise has changed, perhaps with what its summary tells."""
        self.dirty_cold.add(row)
        self.enterprises.stale.add(row)

    def _register(self, entry: Enterprise, state: EnterpriseState) -> None:
        if entry.revision < state.entry.revision:
            raise RepeatedError
        profile = Profile(tuple(entry.names), entry.industry or "", entry.region or "", entry.size or "")
        state.entry = Entry(profile, entry.revision)
        self._identities.note(state.row, profile)
        self._touch(state.row)

    def _observe(self, received: Received, signal: Signal, state: EnterpriseState, out: Outcome) -> None:
        metric = FAMILIES[signal.family].metrics[signal.metric]
        if metric.kind is Kind.READING:
            self._read(received, signal, metric, state, out)
        else:
            self._happen(received, signal, metric, state, out)
            self._note_newest(signal.family, state, millis(signal.event_time))

    def _note_newest(self, family: str, state: EnterpriseState, moment: int) -> None:
        if moment > state.newest.get(family, 0):
            state.newest[family] = moment
            self._touch(state.row)

    # ---- readings ----------------------------------------------------------------------------------------------

    def process_readings(self, readings: Readings) -> list[tuple[int, Outcome]]:
        """Apply readings as :meth:`process` would, one after the other.

        Returns
        -------
        list
            Places, in their order, of the readings that brought something about or could not be applied, and what.
        """
        if not len(readings):
            return []
        nows = np.maximum.accumulate(np.maximum(readings.times, self.now))
        self.now = int(nows[0])
        self._begin()
        rows, outcomes = self._rows_of(readings), []
        for turn in () if self._count_repeated(readings, rows) else self._turns(rows):
            for place in self._count(readings, rows, turn):
                self.now = int(nows[place])
                outcome = self.process(readings.received(place, ()), self.now)
                outcomes.append((place, outcome))
        self.now = int(nows[-1])
        outcomes.sort(key=lambda one: one[0])
        return outcomes

    def _rows_of(self, readings: Readings) -> Ints:
        unknown = np.flatnonzero(readings.rows < 0).tolist()
        if not unknown:
            return readings.rows
        rows = readings.rows.copy()
        for place in unknown:
            rows[place] = self._row_of(readings.enterprises[place])
        return rows

    def _count_repeated(self, readings: Readings, rows: Ints) -> bool:
        """Count readings at once among which each enterprise comes several times; return whether that was possible."""
        metric = self.rules.readings[readings.metric]
        if metric.slots == 1 or len(rows) < _REPEATS * (int(rows.max()) - int(rows.min()) + 1):
            return False
        rule = self.rules.series[metric.series]
        table = self.days[rule.name]
        days, since = self.rules.calendar.days_of(readings.event_times)
        if bool((days < self._next_of(rule)).any()) or bool(table.crowded[rows].any()):
            return False
        slots = np.minimum(since * metric.slots // DAY_MS, metric.slots - 1)
        where = readings.partition, readings.offsets, readings.indexes
        return table.add_all(rows, days, slots, readings.values, readings.backfill, *where)

    def _turns(self, rows: Ints) -> Iterator[Ints]:
        """Yield places such that no enterprise is twice in a turn, and the readings of each stay in order."""
        if len(self._latest) < len(self.enterprises):
            self._latest = np.zeros(len(self.enterprises) * 2, dtype=np.int64)
        left = np.arange(len(rows))
        while len(left):
            backwards = left[::-1]
            self._latest[rows[backwards]] = backwards  # the first one wins
            first = self._latest[rows[left]] == left
            yield left[first]
            left = left[~first]

    def _count(self, readings: Readings, rows: Ints, turn: Ints) -> list[int]:
        """Count the plain ones of some readings; return the places of the others."""
        metric = self.rules.readings[readings.metric]
        rule = self.rules.series[metric.series]
        table = self.days[rule.name]
        days, since = self.rules.calendar.days_of(readings.event_times[turn])
        plain = (days >= self._next_of(rule)) & ~table.crowded[rows[turn]]
        chosen = turn[plain]
        values, backfill = readings.values[chosen], readings.backfill[chosen]
        where = readings.partition, readings.offsets[chosen], readings.indexes[chosen]
        if metric.slots == 1:
            counted = table.replace(rows[chosen], days[plain], values, backfill, readings.revisions[chosen], *where)
        else:
            slots = np.minimum(since[plain] * metric.slots // DAY_MS, metric.slots - 1)
            counted = table.add(rows[chosen], days[plain], slots, values, backfill, *where)
        plain[plain] = counted
        others: list[int] = turn[~plain].tolist()
        return others

    def _read(self, received: Received, signal: Signal, metric: Metric, state: EnterpriseState, out: Outcome) -> None:
        rule = self.rules.series[metric.series]
        moment = millis(signal.event_time)
        period = self.rules.period_of(rule, moment)
        slot = self.rules.slot_of(metric, moment, period)
        if period < self._next_of(rule):
            self._close_pending(state.row, out)
            self._read_late(received, signal, metric, state, rule, period, slot, out)
            self._note_newest(signal.family, state, self.rules.start_of(rule, period) if rule.in_columns else moment)
            return
        opened = self._opened(state.row, rule, period)
        assert signal.value is not None  # the decoder has seen to it
        add_reading(
            opened, slot=slot, slots=rule.slots, whole=metric.slots == 1, value=signal.value, revision=signal.revision
        )
        opened.backfill = opened.backfill and signal.backfill
        opened.ref = self._ref(received)
        self._keep_open(state.row, rule, opened)
        if not rule.in_columns:  # else it follows from what is open, and is noted when the day closes
            self._note_newest(signal.family, state, moment)

    def _opened(self, row: int, rule: SeriesRule, period: int) -> Open:
        """Return a period's accumulator, a new one if need be; :meth:`_keep_open` writes it."""
        opened = self.enterprises.opened.get(row, {}).get(rule.name, {}).get(period)
        if opened is None and rule.in_columns:
            opened = self.days[rule.name].find(row, period)
        return opened or Open(period)

    def _keep_open(self, row: int, rule: SeriesRule, opened: Open) -> None:
        """Write a period's accumulator where it was, else into the table of open days if its cell is free."""
        apart = self.enterprises.opened.get(row, {}).get(rule.name, {})
        if rule.in_columns and opened.period not in apart:
            table = self.days[rule.name]
            if table.holds(row, opened.period) or table.is_free(row, opened.period):
                table.put(row, opened)
                return
            table.crowded[row] = True
        self.enterprises.open(row, rule.name)[opened.period] = opened
        self.dirty_hot.add(row)

    def _read_late(
        self,
        received: Received,
        signal: Signal,
        metric: Metric,
        state: EnterpriseState,
        rule: SeriesRule,
        period: int,
        slot: int,
        out: Outcome,
    ) -> None:
        """Apply a reading of a period that has closed: history, a latecomer or a restatement."""
        assert signal.value is not None
        closed = state.closed.get(rule.name)
        if closed is None:
            closed = state.closed[rule.name] = Closed(period - 1, settled=period - 1)
        if period <= closed.last - HORIZON:
            self._beyond_horizon(signal, state, out)
            return
        # A corrected figure may refute all that was said; one that had been missing nothing that began before it.
        refuted_from = 0 if closed.knows(period) else self.rules.start_of(rule, period)
        self._usuals[rule.name].forget(state.row)
        if period > closed.last:
            closed.append(period, math.nan)
        before = copy(closed.values) if any(held.ended for held in state.evidence) else None
        closed.correct(
            period, slot=slot, slots=rule.slots, whole=metric.slots == 1, value=signal.value, revision=signal.revision
        )
        closed.ref = self._ref(received)
        # Older history added later does not turn what is live into history.
        closed.backfill = signal.backfill and (closed.backfill or period == closed.last)
        state.seen_day = max(state.seen_day, self.rules.last_day(rule, period))
        self._touch(state.row)
        context = self._context_now(state)
        self._note_faults(self._cohorts.learn([state], rule), out)
        if not signal.backfill:
            withdrawn = self._judge(state, rule.detectors, context, out, refuted_from)
            if before is not None:
                withdrawn = self._look_back(state, rule, period, before, out) or withdrawn
            self._assess(state, out, may_fall=withdrawn, retracted=withdrawn)

    def _look_back(
        self, state: EnterpriseState, rule: SeriesRule, period: int, before: list[float], out: Outcome
    ) -> bool:
        """Withdraw what has ended and rested on a figure that was corrected; return whether anything did.

        ``before`` are the series' values as they were before the correction.
        """
        now, withdrawn = state.closed[rule.name], False
        was = replace(now, values=[*[math.nan] * (len(now.values) - len(before)), *before])
        day = self.rules.last_day(rule, period)
        for detector in rule.detectors:
            ended = [one for one in state.evidence if one.detector == detector.name and one.ended and one.newest >= day]
            said = partial(self._said, state, detector, rule.name, out)
            changes = withdraw_refuted(state.evidence, ended, partial(said, was), partial(said, now))
            self._tell_changes(state, detector.version, detector.series[0], changes, out)
            withdrawn = withdrawn or bool(changes)
        return withdrawn

    def _said(
        self, state: EnterpriseState, detector: PeriodDetector, series: str, out: Outcome, closed: Closed, held: Held
    ) -> Sequence[Opinion]:
        """Return what a detector says of the newest day that evidence had seen, with other figures of one series."""
        memory = state.memories.get(detector.name)
        context = self._context_of(state, held, {**state.closed, series: closed})
        try:
            return detector.judge_one(detector.memory() if memory is None else memory, context)
        except Exception as error:
            out.faults.append(Fault(self._name(state), detector.name, closed.ref, repr(error)))
            return ()

    def _context_of(self, state: EnterpriseState, held: Held, closed: Mapping[str, Closed]) -> Context:
        """Return the context of the newest day that evidence had seen."""
        known = {name: one.upto(self._period_by(name, held.newest)) for name, one in closed.items()}
        return self._context(state.entry.profile, known, held.at)

    def _period_by(self, series: str, day: int) -> int:
        """Return the newest period of a series that had ended by the end of a day."""
        rule, calendar = self.rules.series[series], self.rules.calendar
        period = self.rules.period_of(rule, calendar.day_start(day))
        return period if self.rules.last_day(rule, period) <= day else period - 1

    def _beyond_horizon(self, signal: Signal, state: EnterpriseState, out: Outcome) -> None:
        """Mark an open alert for review: figures were restated that are no longer held, and it may rest on them."""
        if signal.revision and state.opened_at:
            out.alerts.append(self._teller.review(signal.enterprise_id, state, self.now, backfill=signal.backfill))
            self._touch(state.row)

    # ---- events ------------------------------------------------------------------------------------------------

    def _happen(self, received: Received, signal: Signal, metric: Metric, state: EnterpriseState, out: Outcome) -> None:
        self._close_pending(state.row, out)
        hashed = _hash_of(signal)
        before = state.seen.pop(hashed, -1)
        state.seen[hashed] = max(before, signal.revision)
        self._touch(state.row)
        if before >= signal.revision:
            raise RepeatedError
        while len(state.seen) > SEEN_EVENTS:
            del state.seen[next(iter(state.seen))]
        published = millis(signal.published_at) if signal.published_at else received.time
        event = Event(
            metric.name,
            signal.payload or {},
            millis(signal.event_time),
            published,
            signal.source,
            hashed,
            signal.revision,
        )
        context = self._context_now(state)
        day = self.rules.calendar.day_of(published)
        state.seen_day = max(state.seen_day, day)
        origin = Origin(self.now, day, self._ref(received), signal.backfill)
        refuted = False
        for detector in self.rules.events[metric.name]:
            memory = state.memories.get(detector.name)
            if memory is None:
                memory = state.memories[detector.name] = detector.memory()
            opinions = detector.judge_one(memory, event, context)
            changes = absorb_event(state.evidence, detector, opinions, origin)
            detector.learn_one(memory, event, context)
            self._tell_changes(state, detector.version, metric.name, changes, out)
            refuted = refuted or any(change.state is FindingState.WITHDRAWN for change in changes)
        if len(state.evidence) > MOST_HELD:
            self._trim(state, out)
        if metric.series and before < 0:
            self._count_event(signal, metric, state, received)
        self._assess(state, out, may_fall=refuted, retracted=refuted)

    def _count_event(self, signal: Signal, metric: Metric, state: EnterpriseState, received: Received) -> None:
        """Count the event in its day's series; of a day that has closed, its mention is no longer news."""
        rule = self.rules.series[metric.series]
        period = self.rules.period_of(rule, millis(signal.event_time))
        if period >= self._next_of(rule):
            opened = self._opened(state.row, rule, period)
            opened.add(0, 1.0)
            opened.backfill = opened.backfill and signal.backfill
            opened.ref = self._ref(received)
            self._keep_open(state.row, rule, opened)

    # ---- time --------------------------------------------------------------------------------------------------

    def due(self) -> float:
        """Return the next deadline, milliseconds; infinity before the first signal, 0 while something is closing."""
        if self.closing is not None:
            return 0
        if self._due_of != self.next:  # asked for every record, and it moves a few times a day
            self._due_of = list(self.next)
            self._due = min((deadline for deadline, _ in self._deadlines()), default=math.inf)
        return self._due

    def advance(self, now: int, most: int | None = None) -> Outcome:
        """Move the stack clock to ``now`` (milliseconds): close what is due, decay, let levels fall.

        Parameters
        ----------
        now
            Until when.
        most
            How many enterprises may be closed. If there are more, ``closing`` tells what is left, and the next call
            goes on with it; messages may be processed in between.
        """
        out = Outcome()
        while True:
            if self.closing is not None:
                most = self._close_some(most, out)
            if self.closing is not None:
                return out
            deadline, index = min(self._deadlines(), default=(math.inf, 0))
            if deadline > now:
                return out
            self.now = max(self.now, int(deadline))
            cycle, ordinal = self.rules.cycles[index], self.next[index]
            # First: a period counts as closed from here on.
            self.next[index] += 1
            if cycle.series:
                self._survey_peers(cycle, ordinal)
            self.closing = Closing(index, ordinal, 0, len(self.enterprises))

    def _deadlines(self) -> Iterator[tuple[int, int]]:
        calendar = self.rules.calendar
        for index, ordinal in enumerate(self.next):
            yield self.rules.cycles[index].deadline(ordinal, calendar), index

    def _next_of(self, rule: SeriesRule) -> int:
        return self.next[self.rules.cycle_of[rule.name]]

    def _survey_peers(self, cycle: Cycle, ordinal: int) -> None:
        """Keep what is usual among peers in a period that closes, before anyone is judged by it."""
        for rule in cycle.series:
            figures = self._figures(rule, ordinal)
            usual, identity_of = self._usuals[rule.name].after(ordinal - 1), self._identities.get
            members, shares = [], self._shares[rule.name]
            for row in sorted({*self._keepers([rule]), *figures}):
                base, identity = usual.get(row), identity_of(row)
                if base is None or identity is None:
                    identity, share = self._look_up(row, rule, ordinal, figures)
                else:
                    share = figures.get(row, rule.empty) / base if base > 0 else math.nan
                shares[row] = share
                members.append((identity, share))
            if members:
                self._keep_peers(rule.name, ordinal, baselines(members, self.rules.config))

    def _look_up(
        self, row: int, rule: SeriesRule, ordinal: int, figures: Mapping[int, float]
    ) -> tuple[Identity, float]:
        """Return an enterprise's identity and how its figure compares with the usual one, from its memory."""
        profile, closed = self.enterprises.peek(row, rule.name)
        share = math.nan if closed is None else closed.share(ordinal, figures.get(row, rule.empty))
        return self._identities.note(row, profile), share

    def _figures(self, rule: SeriesRule, ordinal: int) -> dict[int, float]:
        """Return by enterprise what an open period would close with."""
        figures = self.days[rule.name].figures(ordinal) if rule.in_columns else {}
        for row, series in self.enterprises.opened.items():
            opened = series.get(rule.name, {}).get(ordinal)
            if opened is not None:
                figures[row] = opened.figure(rule.slots)
        return figures

    def _keepers(self, rules: Sequence[SeriesRule]) -> list[int]:
        """Return who has closed periods of one of the series."""
        names = [rule.name for rule in rules]
        keeping = self.enterprises.having(names)
        for row in self.enterprises.stale:
            keeping[row] = any(name in self.enterprises.state(row).closed for name in names)
        keepers: list[int] = np.flatnonzero(keeping).tolist()
        return keepers

    def _take_open(self, cycle: Cycle, period: int, first: int, last: int) -> list[dict[int, Open]]:
        """Take a period's accumulators of some enterprises out of the tables of open days; by series of the cycle."""
        return [self.days[rule.name].pop(period, first, last) if rule.in_columns else {} for rule in cycle.series]

    def _take_apart(self, row: int, rule: SeriesRule, period: int) -> Open | None:
        """Take a period's accumulator away that stands in no table, None if nothing was counted."""
        series = self.enterprises.opened.get(row, {})
        opened = series.get(rule.name, {}).pop(period, None)
        if opened is not None:
            self.dirty_hot.add(row)
            if not series[rule.name]:
                del series[rule.name]
                if rule.in_columns:
                    self.days[rule.name].crowded[row] = False
            if not series:
                del self.enterprises.opened[row]
        return opened

    def _close_some(self, most: int | None, out: Outcome) -> int | None:
        """Close the period of the next enterprises and judge or review them; return how many more may be."""
        assert self.closing is not None
        index, ordinal, first, rows = self.closing
        cycle = self.rules.cycles[index]
        last = rows if most is None else min(first + most, rows)
        if cycle.series:
            self._close_rows(cycle, ordinal, first, last, out)
        else:
            self._review(first, last, out)
        self.closing = None if last == rows else Closing(index, ordinal, last, rows)
        if self.closing is None:
            for rule in cycle.series:
                self._shares[rule.name].clear()
        return None if most is None else most - (last - first)

    def _close_rows(self, cycle: Cycle, ordinal: int, first: int, last: int, out: Outcome) -> None:
        """Close the period of the enterprises ``[first, last)`` and judge them."""
        concerned = self.enterprises.having([rule.name for rule in cycle.series], first, last)
        for rule in cycle.series:
            if rule.in_columns:
                concerned |= self.days[rule.name].have_open(ordinal, first, last)
        rows = [
            row
            for row, is_concerned in enumerate(concerned.tolist(), first)
            if is_concerned or row in self.enterprises.stale or row in self.enterprises.opened
        ]
        self._close(rows, cycle, ordinal, self._take_open(cycle, ordinal, first, last), out)

    def _close_pending(self, row: int, out: Outcome) -> None:
        """Close an enterprise's period before its turn: a message is about to be processed that rests on it."""
        if self.closing is not None and self.closing.row <= row < self.closing.rows:
            cycle, ordinal = self.rules.cycles[self.closing.cycle], self.closing.ordinal
            self._close([row], cycle, ordinal, self._take_open(cycle, ordinal, row, row + 1), out)

    def _close(
        self, rows: Sequence[int], cycle: Cycle, ordinal: int, taken: Sequence[Mapping[int, Open]], out: Outcome
    ) -> None:
        """Close the period of some enterprises, unless that has been done, and judge those who are suspected."""
        parts = [
            _Part(rule, ordinal, self.rules.start_of(rule, ordinal), self.rules.last_day(rule, ordinal), opened_days)
            for rule, opened_days in zip(cycle.series, taken, strict=True)
        ]
        states = [state for state in self.enterprises.states(rows) if self._close_period(state, parts, out)]
        if not states:
            return
        self.dirty_cold.update([state.row for state in states])
        for part in parts:
            self._note_closed(part)
        told = len(out.faults)
        for rule in cycle.series:
            self._note_faults(self._cohorts.learn(states, rule), out)
        names = {detector.name for detector in cycle.detectors}
        suspects = {state.row for state in states if state.evidence and _may_end(state.evidence, names)}
        for rule in cycle.series:
            rows_of, failures = self._cohorts.suspects(states, rule, ordinal)
            suspects |= rows_of
            self._note_faults(failures, out)
        for state in states:
            if state.row in suspects:
                self._judge_closed(state, cycle, out)
        if len(out.faults) > told:  # in the order of the enterprises, however many of them closed together
            out.faults[told:] = sorted(out.faults[told:], key=lambda fault: self.enterprises.rows[fault.enterprise])

    def _close_period(self, state: EnterpriseState, parts: Sequence[_Part], out: Outcome) -> bool:
        """Close one enterprise's period; return whether any of its series had not closed yet."""
        row, closed_any = state.row, False
        apart = row in self.enterprises.opened
        for part in parts:
            closed = state.closed.get(part.rule.name)
            if closed is not None and closed.last >= part.ordinal:
                continue
            opened = part.opened.get(row)
            if opened is None and apart:
                opened = self._take_apart(row, part.rule, part.ordinal)
            if closed is None:
                if opened is None:
                    continue
                closed = state.closed[part.rule.name] = Closed(part.ordinal - 1, settled=part.ordinal - 1)
                self._touch(row)
            self._close_series(state, part, closed, opened, out)
            closed_any = True
        return closed_any

    def _note_closed(self, part: _Part) -> None:
        """Note what is usual after a period, and in the summaries what it brought."""
        self._usuals[part.rule.name].note(part.rows, part.ordinal, part.usual)
        if part.rule.in_columns:
            self.enterprises.note_newest(part.rows_with_figures, part.rule.family, part.start)

    def _judge_closed(self, state: EnterpriseState, cycle: Cycle, out: Outcome) -> None:
        """Judge an enterprise whose period has closed."""
        before = list(map(_stake, state.evidence))
        self._judge(state, cycle.detectors, self._context_now(state), out, math.inf)
        if state.evidence and list(map(_stake, state.evidence)) != before:  # what only decays is for the daily review
            self._assess(state, out, may_fall=False)

    def _note_faults(self, failures: Sequence[Failure], out: Outcome) -> None:
        for state, detector, series, error in failures:
            out.faults.append(Fault(self._name(state), detector.name, state.closed[series].ref, repr(error)))

    def _close_series(
        self, state: EnterpriseState, part: _Part, closed: Closed, opened: Open | None, out: Outcome
    ) -> None:
        rule, row = part.rule, state.row
        part.rows.append(row)
        if opened is None:
            closed.append(part.ordinal, rule.empty)
            part.usual.append(closed.usual())
            return
        share = self._shares[rule.name].get(row)
        if share is None:  # restored since the survey
            share = closed.share(part.ordinal, opened.figure(rule.slots))
        closed.close(opened, rule.slots)
        part.usual.append(closed.usual())
        if part.last_day > state.seen_day:
            state.seen_day = part.last_day
        if rule.in_columns and part.start > state.newest.get(rule.family, 0):
            state.newest[rule.family] = part.start
            part.rows_with_figures.append(row)
        if rule.period is Period.DAY:
            day = self._teller.day(self._name(state), rule, opened, closed.values[-1], share, part.start, self.now)
            if day is not None:
                out.metrics.append(day)

    def _keep_peers(self, series: str, ordinal: int, made: Baselines) -> None:
        self.peers[series, ordinal] = made
        self.dirty_peers.add((series, ordinal))
        old = (series, ordinal - HORIZON)
        if self.peers.pop(old, None) is not None:
            self.dirty_peers.add(old)

    def _review(self, first: int, last: int, out: Outcome) -> None:
        """Once a day, for the enterprises ``[first, last)``: forget what decayed, let levels fall, tell coverage."""
        opened = self._open_starts(first, last)
        starts = [(family, moments.tolist()) for family, moments in opened.items()]
        for row in self._candidates(first, last, opened):
            state = self.enterprises.state(row)
            if state.evidence:
                self._trim(state, out)
            newest = dict(state.newest)
            for family, moments in starts:
                if moments[row - first] > newest.get(family, -1):
                    newest[family] = moments[row - first]
            apart = row in self.enterprises.opened
            self._assess(state, out, may_fall=True, newest=self._newest(state) if apart else newest)

    def _open_starts(self, first: int, last: int) -> dict[str, Ints]:
        """Return by family when the newest open day of the enterprises ``[first, last)`` began, -1 for none.

        Milliseconds; of the days that stand in tables.
        """
        starts: dict[str, Ints] = {}
        for name, table in self.days.items():
            rule = self.rules.series[name]
            mine = table.newest_starts(first, last, partial(self.rules.start_of, rule))
            starts[rule.family] = np.maximum(starts[rule.family], mine) if rule.family in starts else mine
        return starts

    def _candidates(self, first: int, last: int, opened: Mapping[str, Ints]) -> list[int]:
        """Return who has evidence, a level or a score, or another coverage than was last told: a few, on most days."""
        self.enterprises.note(first, last)
        summaries = self.enterprises.summaries[first:last]
        number = np.zeros(last - first, dtype=np.int16)
        for place, (family, fresh) in enumerate(self._fresh_ms.items()):
            newest = summaries["newest"][:, place]
            if family in opened:
                newest = np.maximum(newest, opened[family])
            code = np.where(newest < 0, 0, np.where(self.now - newest <= fresh, 2, 1))
            number = number * 3 + code.astype(np.int16)
        doubtful = summaries["active"] | (summaries["told"] != number)
        for table in self.days.values():
            doubtful |= table.crowded[first:last]
        chosen: list[int] = (first + np.flatnonzero(doubtful)).tolist()
        return chosen

    def _trim(self, state: EnterpriseState, out: Outcome) -> None:
        held = len(state.evidence)
        for change in trim(state.evidence, lambda held: worth(held, self.now, self.rules.config)):
            version = self.rules.detectors[change.held.detector].version
            self._tell_changes(state, version, "", [change], out)
        if len(state.evidence) < held:
            self._touch(state.row)

    # ---- decisions ---------------------------------------------------------------------------------------------

    def _judge(
        self,
        state: EnterpriseState,
        detectors: Sequence[PeriodDetector],
        context: Context,
        out: Outcome,
        refuted_from: float,
    ) -> bool:
        """Ask the detectors; return whether they withdrew anything."""
        withdrawn, held_by = False, {held.detector for held in state.evidence}
        known, memories = state.closed.keys(), state.memories
        for detector in detectors:
            if known.isdisjoint(detector.series):
                continue
            memory = memories.get(detector.name)
            try:
                opinions = detector.judge_one(detector.memory() if memory is None else memory, context)
            except Exception as error:
                read = self._read_by(detector, state)
                out.faults.append(Fault(self._name(state), detector.name, read[0].ref, repr(error)))
                continue
            if not opinions and detector.name not in held_by:
                continue  # nothing to say, and nothing said that has ended
            read = self._read_by(detector, state)
            newest = max(self._last_day(name, state.closed[name]) for name in detector.series if name in state.closed)
            backfill = all(closed.backfill for closed in read)
            heard = max(self._heard(name, state.closed[name]) for name in detector.series if name in state.closed)
            origin = Origin(self.now, newest, max(read, key=lambda c: c.ref[2]).ref, backfill, heard=heard)
            changes = absorb_periods(state.evidence, detector, opinions, origin, refuted_from=refuted_from)
            self._tell_changes(state, detector.version, detector.series[0], changes, out)
            withdrawn = withdrawn or any(change.state is FindingState.WITHDRAWN for change in changes)
        return withdrawn

    def _read_by(self, detector: PeriodDetector, state: EnterpriseState) -> list[Closed]:
        return [state.closed[name] for name in detector.series if name in state.closed]

    def _heard(self, series: str, closed: Closed) -> int:
        """Return when the newest period of a series ended that has a figure. Milliseconds."""
        return self.rules.start_of(self.rules.series[series], closed.heard + 1)

    def _last_day(self, series: str, closed: Closed) -> int:
        return self.rules.last_day(self.rules.series[series], closed.last)

    def _assess(
        self,
        state: EnterpriseState,
        out: Outcome,
        *,
        may_fall: bool,
        retracted: bool = False,
        newest: Mapping[str, int] | None = None,
    ) -> None:
        """Fuse the evidence and tell what moved.

        When evidence was withdrawn the level may fall at once: the figures that raised it were wrong. ``newest`` is
        what :meth:`_newest` returns, where that is known.
        """
        if newest is None:
            newest = self._newest(state)
        coverage = self._coverage(newest)
        signature = "".join([_FAMILY_CODES[status] for status in coverage.values()])
        if not state.evidence and not state.level and not state.score and signature == state.told:
            return  # nearly every enterprise, nearly every day
        fused = fuse(state.evidence, coverage, self.now, self.rules.config)
        decision = decide(
            state.level, state.entered_at, fused, self.now, self.rules.config, may_fall=may_fall, retracted=retracted
        )
        # That nothing is left is told, however little it was: else it would be looked into every day from then on.
        gone = state.score > 0.0 == fused.score
        if decision.level != state.level:
            name = self._name(state)
            out.alerts.append(
                self._teller.transition(
                    name, state, fused, decision.level, decision.rule, self.now, retracted=retracted
                )
            )
        elif signature == state.told and abs(fused.score - state.score) < RISK_STEP and not gone:
            return
        state.score, state.told = fused.score, signature
        out.risks.append(self._teller.risk(self._name(state), state, fused, coverage, newest, self.now))
        self._touch(state.row)

    def _newest(self, state: EnterpriseState) -> Mapping[str, int]:
        """Return by family the newest event time, that of open days included. Milliseconds."""
        newest = dict(state.newest)
        opened = self.enterprises.opened.get(state.row, {})
        for name, table in self.days.items():
            rule = self.rules.series[name]
            days = [*opened.get(name, ()), *([] if (day := table.newest(state.row)) is None else [day])]
            if days:
                newest[rule.family] = max(newest.get(rule.family, 0), self.rules.start_of(rule, max(days)))
        return newest

    def _coverage(self, newest: Mapping[str, int]) -> Mapping[str, str]:
        coverage = {}
        for family, fresh in self._fresh_ms.items():
            moment = newest.get(family)
            coverage[family] = "never" if moment is None else "fresh" if self.now - moment <= fresh else "stale"
        return coverage

    def _name(self, state: EnterpriseState) -> str:
        return self.enterprises.names[state.row]

    def _tell_changes(
        self, state: EnterpriseState, version: int, metric: str, changes: Sequence[Change], out: Outcome
    ) -> None:
        if changes:
            self._touch(state.row)
        for change in changes:
            out.findings.append(self._teller.finding(self._name(state), version, metric, change, self.now))

    def _context_now(self, state: EnterpriseState) -> Context:
        return self._context(state.entry.profile, state.closed, self.now)

    def _context(self, profile: Profile, closed: Mapping[str, Closed], now: int) -> Context:
        series, peers = SeriesView(closed, self.rules), PeerView(self.peers, profile, closed)
        return Context(now, self.rules.calendar, profile, series, peers)

    def _ref(self, received: Received) -> Ref:
        return self.rules.topic_rank[received.topic], received.partition, received.offset, received.index


def _may_end(evidence: Sequence[Held], detectors: Collection[str]) -> bool:
    """Tell whether evidence ends if its detector, one of those asked, does not repeat it."""
    return any(held.lasting and not held.ended and held.detector in detectors for held in evidence)


def _hash_of(signal: Signal) -> int:
    digest = blake2b(f"{signal.source}\0{signal.source_id}".encode(), digest_size=8).digest()
    return int.from_bytes(digest, "little")
