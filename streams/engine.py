"""The risk engine of one partition group: signals in; findings, risk, alerts and metrics out.

Pure and deterministic: no I/O, no clock, no randomness. The agent, ``forewarn replay`` and every evaluation drive this
same object. ``process`` applies one message at the stack clock's ``now``; only ``advance`` closes periods, decays
evidence and lets levels fall, at deadlines that depend on the calendar alone. So ``advance(a); advance(b)`` equals
``advance(b)``, and how often it is called does not matter.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import blake2b

from connectors.catalogue import FAMILIES, Kind, Metric
from connectors.decoding import Reason as RefusalReason
from connectors.decoding import Received
from connectors.models import Alert, Enterprise, Finding, FindingState, MetricRow, Risk, Signal
from detectors.contract import Context, Event, PeerBaseline, PeriodDetector, Profile, Series
from detectors.fusion import fuse, worth
from detectors.levels import decide
from detectors.peers import Baselines, baselines, relative
from streams.clock import millis
from streams.evidence import MOST_HELD, Change, Origin, absorb_event, absorb_periods, trim
from streams.rules import Cycle, Rules, SeriesRule, fresh_ms
from streams.series import HORIZON, Closed, Open, Ref, RefusedError, RepeatedError, add_reading
from streams.state import SEEN_EVENTS, EnterpriseState, Entry, Hour
from streams.telling import Teller

HOUR_MS = 3_600_000
#: A score that moved less than this is not told again.
RISK_STEP = 0.02
_FAMILY_CODES = {"fresh": "F", "stale": "S", "never": "N"}


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
    """

    findings: list[Finding] = field(default_factory=list)
    risks: list[Risk] = field(default_factory=list)
    alerts: list[Alert] = field(default_factory=list)
    metrics: list[MetricRow] = field(default_factory=list)
    refused: tuple[RefusalReason, str] | None = None
    repeated: bool = False
    faults: list[Fault] = field(default_factory=list)


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
    """

    def __init__(self, rules: Rules) -> None:
        self.rules = rules
        self.enterprises: dict[str, EnterpriseState] = {}
        self.now = 0
        self.next: list[int] = []
        self.peers: dict[tuple[str, int], Baselines] = {}
        self.dirty_hot: set[str] = set()
        self.dirty_cold: set[str] = set()
        self.dirty_peers: set[tuple[str, int]] = set()
        self._due: float = math.inf
        self._due_of: list[int] = []
        self._teller = Teller(rules)
        self._fresh_ms = fresh_ms()

    def schedule(self) -> dict[str, int]:
        """Return by cycle which period closes next: what :meth:`resume` takes."""
        return {cycle.name: ordinal for cycle, ordinal in zip(self.rules.cycles, self.next, strict=False)}

    def resume(self, now: int, schedule: Mapping[str, int]) -> None:
        """Go on from a state record. A cycle that the program did not have then begins with the period open then."""
        self.now, cycles = now, self.rules.cycles if schedule else ()
        self.next = [schedule.get(cycle.name, cycle.ordinal_at(now, self.rules.calendar)) for cycle in cycles]

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
        out = Outcome()
        message = received.message
        # Registry entries may be undated, hence from 1970: from there on every day would have to be closed.
        if not self.next and isinstance(message, Signal):
            self.next = [cycle.ordinal_at(self.now, self.rules.calendar) for cycle in self.rules.cycles]
        state = self.enterprises.get(message.enterprise_id)
        if state is None:
            state = self.enterprises[message.enterprise_id] = EnterpriseState()
            self.dirty_cold.add(message.enterprise_id)
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

    def _register(self, entry: Enterprise, state: EnterpriseState) -> None:
        if entry.revision < state.entry.revision:
            raise RepeatedError
        profile = Profile(tuple(entry.names), entry.industry or "", entry.region or "", entry.size or "")
        state.entry = Entry(profile, entry.revision)
        self.dirty_cold.add(entry.enterprise_id)

    def _observe(self, received: Received, signal: Signal, state: EnterpriseState, out: Outcome) -> None:
        metric = FAMILIES[signal.family].metrics[signal.metric]
        if metric.kind is Kind.READING:
            self._read(received, signal, metric, state, out)
        else:
            self._happen(received, signal, metric, state, out)
        moment = millis(signal.event_time)
        if metric.slots > 1:  # to the day: otherwise each reading of a day would rewrite the cold record
            moment = self.rules.calendar.day_start(self.rules.calendar.day_of(moment))
        if moment > state.newest.get(signal.family, 0):
            state.newest[signal.family] = moment
            self.dirty_cold.add(signal.enterprise_id)

    # ---- readings ----------------------------------------------------------------------------------------------

    def _read(self, received: Received, signal: Signal, metric: Metric, state: EnterpriseState, out: Outcome) -> None:
        rule = self.rules.series[metric.series]
        moment = millis(signal.event_time)
        period = self.rules.period_of(rule, moment)
        slot = self.rules.slot_of(metric, moment, period)
        if period < self._next_of(rule):
            self._read_late(received, signal, metric, state, rule, period, slot, out)
            return
        opened = self._opened(state, rule, period)
        assert signal.value is not None  # the decoder has seen to it
        add_reading(
            opened, slot=slot, slots=rule.slots, whole=metric.slots == 1, value=signal.value, revision=signal.revision
        )
        opened.backfill = opened.backfill and signal.backfill
        opened.ref = self._ref(received)
        self.dirty_hot.add(signal.enterprise_id)
        if metric.slots > 1:
            self._count_hour(signal, metric, state, moment, out)

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
        if period > closed.last:
            closed.append(period, math.nan)
        closed.correct(
            period, slot=slot, slots=rule.slots, whole=metric.slots == 1, value=signal.value, revision=signal.revision
        )
        closed.ref = self._ref(received)
        # Older history added later does not turn what is live into history.
        closed.backfill = signal.backfill and (closed.backfill or period == closed.last)
        state.seen_day = max(state.seen_day, self.rules.last_day(rule, period))
        self.dirty_cold.add(signal.enterprise_id)
        context = self._context(state, self.now)
        self._settle(signal.enterprise_id, state, rule, context, out)
        if not signal.backfill:
            withdrawn = self._judge(signal.enterprise_id, state, rule.detectors, context, out, refuted_from)
            self._assess(signal.enterprise_id, state, out, may_fall=withdrawn, retracted=withdrawn)

    def _beyond_horizon(self, signal: Signal, state: EnterpriseState, out: Outcome) -> None:
        """Mark an open alert for review: figures were restated that are no longer held, and it may rest on them."""
        if signal.revision and state.opened_at:
            out.alerts.append(self._teller.review(signal.enterprise_id, state, self.now, backfill=signal.backfill))
            self.dirty_cold.add(signal.enterprise_id)

    def _opened(self, state: EnterpriseState, rule: SeriesRule, period: int) -> Open:
        periods = state.opened.setdefault(rule.name, {})
        opened = periods.get(period)
        if opened is None:
            opened = periods[period] = Open(period)
        return opened

    def _count_hour(self, signal: Signal, metric: Metric, state: EnterpriseState, moment: int, out: Outcome) -> None:
        """Keep the metric's open hour, tell the one before; a latecomer of an earlier hour counts in its day only."""
        value, hour = float(signal.value or 0.0), moment // HOUR_MS
        current = state.hours.get(metric.name)
        if current is not None and hour < current.hour:
            return
        if current is not None and hour > current.hour:
            out.metrics.append(self._teller.hour(signal, current, self.now))
            current = None
        if current is None:
            state.hours[metric.name] = Hour(hour, 1, value, value, value, value)
        else:
            current.count, current.total, current.last = current.count + 1, current.total + value, value
            current.low, current.high = min(current.low, value), max(current.high, value)

    # ---- events ------------------------------------------------------------------------------------------------

    def _happen(self, received: Received, signal: Signal, metric: Metric, state: EnterpriseState, out: Outcome) -> None:
        hashed = _hash_of(signal)
        before = state.seen.pop(hashed, -1)
        state.seen[hashed] = max(before, signal.revision)
        self.dirty_cold.add(signal.enterprise_id)
        if before >= signal.revision:
            raise RepeatedError
        while len(state.seen) > SEEN_EVENTS:
            del state.seen[next(iter(state.seen))]
        published = millis(signal.published_at) if signal.published_at else received.time
        event = Event(metric.name, signal.payload or {}, millis(signal.event_time), published, signal.source)
        context = self._context(state, self.now)
        day = self.rules.calendar.day_of(published)
        state.seen_day = max(state.seen_day, day)
        origin = Origin(self.now, day, self._ref(received), signal.backfill)
        for detector in self.rules.events[metric.name]:
            memory = state.memories.get(detector.name)
            if memory is None:
                memory = state.memories[detector.name] = detector.memory()
            opinions = detector.judge_one(memory, event, context)
            changes = absorb_event(state.evidence, detector, opinions, origin)
            detector.learn_one(memory, event, context)
            self._tell_changes(signal.enterprise_id, detector.version, metric.name, changes, out)
        if len(state.evidence) > MOST_HELD:
            self._trim(signal.enterprise_id, state, out)
        if metric.series and before < 0:
            self._count_event(signal, metric, state, received)
        self._assess(signal.enterprise_id, state, out, may_fall=False)

    def _count_event(self, signal: Signal, metric: Metric, state: EnterpriseState, received: Received) -> None:
        """Count the event in its day's series; of a day that has closed, its mention is no longer news."""
        rule = self.rules.series[metric.series]
        period = self.rules.period_of(rule, millis(signal.event_time))
        if period >= self._next_of(rule):
            opened = self._opened(state, rule, period)
            opened.add(0, 1.0)
            opened.backfill = opened.backfill and signal.backfill
            opened.ref = self._ref(received)
            self.dirty_hot.add(signal.enterprise_id)

    # ---- time --------------------------------------------------------------------------------------------------

    def due(self) -> float:
        """Return the next deadline, milliseconds; infinity before the first signal."""
        if self._due_of != self.next:  # asked for every record, and it moves a few times a day
            self._due_of = list(self.next)
            self._due = min((deadline for deadline, _ in self._deadlines()), default=math.inf)
        return self._due

    def advance(self, now: int) -> Outcome:
        """Move the stack clock to ``now`` (milliseconds): close what is due, decay, let levels fall."""
        out = Outcome()
        while self.next:
            deadline, index = min(self._deadlines())
            if deadline > now:
                break
            self.now = max(self.now, deadline)
            cycle, ordinal = self.rules.cycles[index], self.next[index]
            # First: a period counts as closed from here on.
            self.next[index] += 1
            if cycle.series:
                self._close(cycle, ordinal, out)
            else:
                self._review(out)
        return out

    def _deadlines(self) -> Iterator[tuple[int, int]]:
        calendar = self.rules.calendar
        for index, ordinal in enumerate(self.next):
            yield self.rules.cycles[index].deadline(ordinal, calendar), index

    def _next_of(self, rule: SeriesRule) -> int:
        return self.next[self.rules.cycle_of[rule.name]]

    def _close(self, cycle: Cycle, ordinal: int, out: Outcome) -> None:
        """Close one period of some series for every enterprise: figures first, so that peers are known to all."""
        members: dict[str, list[tuple[Profile, float]]] = {rule.name: [] for rule in cycle.series}
        touched = []
        for enterprise in sorted(self.enterprises):  # not in the order of arrival: a restore changes that
            state = self.enterprises[enterprise]
            closed_any = False
            for rule in cycle.series:
                closed = self._close_series(enterprise, state, rule, ordinal, out)
                if closed is not None:
                    closed_any = True
                    share = relative(Series(closed.last, closed.values, rule.unit))
                    members[rule.name].append((state.entry.profile, share))
            if closed_any:
                touched.append(enterprise)
        for series, present in members.items():
            if present:
                self._keep_peers(series, ordinal, baselines(present, self.rules.config))
        for enterprise in touched:
            state = self.enterprises[enterprise]
            context = self._context(state, self.now)
            for rule in cycle.series:
                self._settle(enterprise, state, rule, context, out)
            self._judge(enterprise, state, cycle.detectors, context, out, math.inf)
            if state.evidence:
                self._assess(enterprise, state, out, may_fall=False)

    def _close_series(
        self, enterprise: str, state: EnterpriseState, rule: SeriesRule, ordinal: int, out: Outcome
    ) -> Closed | None:
        periods = state.opened.get(rule.name, {})
        opened = periods.pop(ordinal, None)
        if opened is not None and not periods:
            del state.opened[rule.name]
        closed = state.closed.get(rule.name)
        if closed is None:
            if opened is None:
                return None
            closed = state.closed[rule.name] = Closed(ordinal - 1, settled=ordinal - 1)
        if opened is None:
            closed.append(ordinal, rule.empty)
        else:
            closed.close(opened, rule.slots)
            state.seen_day = max(state.seen_day, self.rules.last_day(rule, ordinal))
            self.dirty_hot.add(enterprise)
            out.metrics += self._teller.day(enterprise, rule, opened, closed, self.now)
        self.dirty_cold.add(enterprise)
        return closed

    def _keep_peers(self, series: str, ordinal: int, made: Baselines) -> None:
        self.peers[series, ordinal] = made
        self.dirty_peers.add((series, ordinal))
        old = (series, ordinal - HORIZON)
        if self.peers.pop(old, None) is not None:
            self.dirty_peers.add(old)

    def _settle(
        self, enterprise: str, state: EnterpriseState, rule: SeriesRule, context: Context, out: Outcome
    ) -> None:
        """Let the estimators learn the periods that have settled."""
        closed = state.closed.get(rule.name)
        if closed is None:
            return
        for period in range(max(closed.settled + 1, closed.first), closed.last - rule.settling + 1):
            for detector in rule.detectors:
                memory = state.memories.get(detector.name)
                if memory is None:
                    memory = state.memories[detector.name] = detector.memory()
                try:
                    detector.learn_one(memory, context, rule.name, period - closed.first)
                except Exception as error:  # half learned: begin anew
                    del state.memories[detector.name]
                    out.faults.append(Fault(enterprise, detector.name, closed.ref, repr(error)))
            closed.settled = period

    def _review(self, out: Outcome) -> None:
        """Once a day, for every enterprise: forget what has decayed, let levels fall, tell stale coverage."""
        for enterprise in sorted(self.enterprises):
            state = self.enterprises[enterprise]
            if state.evidence:
                self._trim(enterprise, state, out)
            self._assess(enterprise, state, out, may_fall=True)

    def _trim(self, enterprise: str, state: EnterpriseState, out: Outcome) -> None:
        for change in trim(state.evidence, lambda held: worth(held, self.now, self.rules.config)):
            version = self.rules.detectors[change.held.detector].version
            self._tell_changes(enterprise, version, "", [change], out)
        self.dirty_cold.add(enterprise)

    # ---- decisions ---------------------------------------------------------------------------------------------

    def _judge(
        self,
        enterprise: str,
        state: EnterpriseState,
        detectors: Sequence[PeriodDetector],
        context: Context,
        out: Outcome,
        refuted_from: float,
    ) -> bool:
        """Ask the detectors; return whether they withdrew anything."""
        withdrawn = False
        for detector in detectors:
            read = [state.closed[name] for name in detector.series if name in state.closed]
            if not read:
                continue
            memory = state.memories.get(detector.name)
            try:
                opinions = detector.judge_one(detector.memory() if memory is None else memory, context)
            except Exception as error:
                out.faults.append(Fault(enterprise, detector.name, read[0].ref, repr(error)))
                continue
            if not opinions and not state.evidence:
                continue
            newest = max(self._last_day(name, state.closed[name]) for name in detector.series if name in state.closed)
            backfill = all(closed.backfill for closed in read)
            origin = Origin(self.now, newest, max(read, key=lambda c: c.ref[2]).ref, backfill)
            changes = absorb_periods(state.evidence, detector, opinions, origin, refuted_from=refuted_from)
            self._tell_changes(enterprise, detector.version, detector.series[0], changes, out)
            withdrawn = withdrawn or any(change.state is FindingState.WITHDRAWN for change in changes)
        return withdrawn

    def _last_day(self, series: str, closed: Closed) -> int:
        return self.rules.last_day(self.rules.series[series], closed.last)

    def _assess(
        self, enterprise: str, state: EnterpriseState, out: Outcome, *, may_fall: bool, retracted: bool = False
    ) -> None:
        """Fuse the evidence and tell what moved.

        When evidence was withdrawn the level may fall at once: the figures that raised it were wrong.
        """
        coverage = self._coverage(state)
        signature = "".join(_FAMILY_CODES[coverage[family]] for family in FAMILIES)
        if not state.evidence and not state.level and not state.score and signature == state.told:
            return  # nearly every enterprise, nearly every day
        fused = fuse(state.evidence, coverage, self.now, self.rules.config)
        decision = decide(
            state.level, state.entered_at, fused, self.now, self.rules.config, may_fall=may_fall, retracted=retracted
        )
        if decision.level != state.level:
            out.alerts.append(
                self._teller.transition(
                    enterprise, state, fused, decision.level, decision.rule, self.now, retracted=retracted
                )
            )
        elif signature == state.told and abs(fused.score - state.score) < RISK_STEP:
            return
        state.score, state.told = fused.score, signature
        out.risks.append(self._teller.risk(enterprise, state, fused, coverage, self.now))
        self.dirty_cold.add(enterprise)

    def _coverage(self, state: EnterpriseState) -> Mapping[str, str]:
        coverage = {}
        for family, fresh in self._fresh_ms.items():
            newest = state.newest.get(family)
            coverage[family] = "never" if newest is None else "fresh" if self.now - newest <= fresh else "stale"
        return coverage

    def _tell_changes(
        self, enterprise: str, version: int, metric: str, changes: Sequence[Change], out: Outcome
    ) -> None:
        if changes:
            self.dirty_cold.add(enterprise)
        for change in changes:
            out.findings.append(self._teller.finding(enterprise, version, metric, change, self.now))

    def _context(self, state: EnterpriseState, now: int) -> Context:
        series = {
            name: Series(closed.last, closed.values, self.rules.series[name].unit)
            for name, closed in state.closed.items()
        }
        return Context(now, self.rules.calendar, state.entry.profile, series, _PeerView(self, state))

    def _ref(self, received: Received) -> Ref:
        return self.rules.topic_rank[received.topic], received.partition, received.offset, received.index


class _PeerView(Mapping[str, Sequence[PeerBaseline | None]]):
    """By series: the baselines of the enterprise's peers, looked up only when a detector asks."""

    def __init__(self, engine: RiskEngine, state: EnterpriseState) -> None:
        self._engine, self._state = engine, state

    def __getitem__(self, series: str) -> Sequence[PeerBaseline | None]:
        closed = self._state.closed[series]
        return [self._one(series, period) for period in range(closed.first, closed.last + 1)]

    def _one(self, series: str, period: int) -> PeerBaseline | None:
        made = self._engine.peers.get((series, period))
        return None if made is None else made.for_profile(self._state.entry.profile)

    def __iter__(self) -> Iterator[str]:
        return iter(self._state.closed)

    def __len__(self) -> int:
        return len(self._state.closed)


def _hash_of(signal: Signal) -> int:
    digest = blake2b(f"{signal.source}\0{signal.source_id}".encode(), digest_size=8).digest()
    return int.from_bytes(digest, "little")
