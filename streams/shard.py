"""One partition group: decoding, engine, journal and pending output, without I/O.

A shard is what a checkpoint is made from. It changes only inside its methods, and ``take`` hands out bytes, so whoever
writes them cannot see half a change.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Collection, Sequence
from typing import Any, NamedTuple

from connectors.decoding import Received, Refused
from connectors.models import DeadLetter, Message
from connectors.topics import ALERTS, DEAD_LETTERS, FINDINGS, INPUTS, JOURNAL, MAX_RECORD_BYTES, METRICS, RISK
from detectors.peers import Baselines
from streams.clock import moment
from streams.engine import Fault, Outcome, RiskEngine
from streams.rules import MINUTE_MS, Rules
from streams.rules import rules_for as rules_for
from streams.state import (
    COLD,
    GROUP,
    HOT,
    EnterpriseState,
    dump_cold,
    dump_hot,
    load_cold,
    load_hot,
    pack_group,
    unpack_group,
)

#: Keys of the peers' baselines in ``state``: this, the series, NUL, the period.
PEERS = b"\0peers\0"
#: A dead letter keeps this much of a record's key, and of a field's name: compressed, Kafka takes records of any size,
#: but a dead letter must fit a batch. Of the value it keeps what a valid record may have.
_KEY_BYTES, _FIELD_LENGTH = 1024, 200


class Record(NamedTuple):
    """One record of an input topic. ``time`` is the record's, milliseconds."""

    offset: int
    time: int
    key: bytes | None
    value: bytes | None


class Checkpoint(NamedTuple):
    """What one transaction writes.

    Parameters
    ----------
    outputs
        Topic → (key, value) in order; journal and dead letters included.
    states
        (key, value) for the topic ``state``, the group's own record last; None deletes.
    offsets
        Topic → next offset to apply.
    """

    outputs: dict[str, list[tuple[bytes, bytes]]]
    states: list[tuple[bytes, bytes | None]]
    offsets: dict[str, int]


class EngineFaultError(Exception):
    """The engine failed on a record: drop this shard and restore it; condemn the record if it fails again."""

    def __init__(self, topic: str, partition: int, offset: int, error: Exception) -> None:
        super().__init__(f"{topic}-{partition} at offset {offset}: {type(error).__name__}: {error}")
        self.topic, self.partition, self.offset = topic, partition, offset


class GapError(Exception):
    """Records between the last applied one and these are missing."""

    def __init__(self, topic: str, partition: int, expected: int, begin: int) -> None:
        super().__init__(f"{topic}-{partition}: expected offset {expected}, records begin at {begin}")
        self.topic, self.partition, self.expected, self.begin = topic, partition, expected, begin


class Shard:
    """The state of one partition group.

    Parameters
    ----------
    partition
        Which group.
    rules
        What all groups share.
    condemned
        (topic, offset) of records on which the engine has failed twice: they become dead letters.

    Attributes
    ----------
    next
        Topic → next offset to apply.
    ticked
        The newest tick that did something, milliseconds.
    changed, urgent
        Whether there is something to checkpoint; whether an alert waits for it.
    """

    def __init__(self, partition: int, rules: Rules, condemned: Collection[tuple[str, int]] = ()) -> None:
        self.partition = partition
        self.engine = RiskEngine(rules)
        self.next: dict[str, int] = {}
        self.ticked = 0
        self.changed = False
        self.urgent = False
        self._rules = rules
        self._condemned = frozenset(condemned)
        self._entries: list[list[Any]] = []
        self._checkpoints = 0
        self._outputs: dict[str, list[tuple[bytes, bytes]]] = {}

    # ---- input -------------------------------------------------------------------------------------------------

    def apply(self, topic: str, begin: int, end: int, records: Sequence[Record]) -> None:
        """Apply what a topic holds in ``[begin, end)``; what was applied before has no effect.

        Raises
        ------
        GapError
            If ``begin`` lies above the next offset. Nothing was applied.
        EngineFaultError
            If the engine failed. The shard must be dropped.
        """
        done = self.next.setdefault(topic, begin)
        if begin > done:
            raise GapError(topic, self.partition, done, begin)
        for record in records:
            if record.offset >= done:
                self._apply_one(topic, record)
        if end > done:
            self._move(topic, end)

    def skip(self, topic: str, end: int) -> None:
        """Go on at ``end``: the records before it are lost for good (deleted by retention before they were read)."""
        self._entries.append(["skip", topic, self.next.get(topic, end), end, self.engine.now])
        self.next[topic], self.changed = end, True

    def tick(self, now: int) -> None:
        """Move the stack clock to a whole minute. Nothing happens, and nothing is journalled, when nothing is due."""
        now -= now % MINUTE_MS
        if now < self.engine.due():
            return
        try:
            outcome = self.engine.advance(now)
        except Exception as error:
            clock = "tick"
            raise EngineFaultError(clock, self.partition, now, error) from error
        self.ticked = now
        self._entries.append(["tick", now])
        self._take_in(outcome)

    def _apply_one(self, topic: str, record: Record) -> None:
        """Decode and process one record. An exception leaves the engine half changed, hence the fault."""
        if (topic, record.offset) in self._condemned:
            self._condemn(topic, record)
            return
        try:
            decoded = self._rules.decoder.decode(
                topic, self.partition, record.offset, record.key, record.value, record.time
            )
            for one in decoded:
                if isinstance(one, Refused):
                    self._dead_letter(topic, record, one)
                    continue
                outcome = self.engine.process(one, record.time)
                self._take_in(outcome)
                if outcome.refused is not None:
                    self._dead_letter(topic, record, _after_all(one, outcome, single=len(decoded) == 1))
        except Exception as error:
            raise EngineFaultError(topic, self.partition, record.offset, error) from error

    def _condemn(self, topic: str, record: Record) -> None:
        self._move(topic, record.offset)
        self._entries.append(["condemned", topic, record.offset, record.offset + 1, self.engine.now])
        self.next[topic] = record.offset + 1
        detail = "the engine failed on this record twice; the log of the scorer has the error"
        self._dead_letter(topic, record, Refused("engine-error", detail))

    def _move(self, topic: str, end: int) -> None:
        begin = self.next[topic]
        if end <= begin:
            return
        last = self._entries[-1] if self._entries else None
        if last is not None and last[0] == "records" and last[1] == topic:
            last[3], last[4] = end, self.engine.now
        else:
            self._entries.append(["records", topic, begin, end, self.engine.now])
        self.next[topic], self.changed = end, True

    # ---- output ------------------------------------------------------------------------------------------------

    def _take_in(self, outcome: Outcome) -> None:
        self.changed = True
        self._write(FINDINGS, outcome.findings)
        self._write(RISK, outcome.risks)
        self._write(ALERTS, outcome.alerts)
        self._write(METRICS, outcome.metrics)
        self.urgent = self.urgent or bool(outcome.alerts)
        for fault in outcome.faults:
            self._report_fault(fault)

    def _write(self, topic: str, messages: Sequence[Any]) -> None:
        if messages:
            rows = self._outputs.setdefault(topic, [])
            rows.extend((message.enterprise_id.encode(), message.wire()) for message in messages)

    def _report_fault(self, fault: Fault) -> None:
        """Make a dead letter of a detector's failure: nothing of the input is lost, but someone must see it."""
        rank, partition, offset, index = fault.ref
        detail = f"{fault.detector} failed on {fault.enterprise} while a period was closed: {fault.error}"
        letter = DeadLetter(
            topic=INPUTS[rank],
            partition=partition,
            offset=offset,
            index=index,
            reason="detector-error",
            detail=detail[:2000],
            record_time=moment(self.engine.now),
            at=moment(self.engine.now),
            value="",
        )
        key = f"{INPUTS[rank]}-{partition}-{offset}-{index}-{fault.detector}-{self.engine.now}"
        self._outputs.setdefault(DEAD_LETTERS, []).append((key.encode(), letter.wire()))

    def _dead_letter(self, topic: str, record: Record, refused: Refused) -> None:
        original = record.value if refused.original is None else refused.original
        letter = DeadLetter(
            topic=topic,
            partition=self.partition,
            offset=record.offset,
            index=refused.index,
            reason=refused.reason,
            detail=refused.detail[:2000],
            field=refused.field and refused.field[:_FIELD_LENGTH],
            record_time=moment(record.time),
            at=moment(max(self.engine.now, record.time)),
            key=None if record.key is None else base64.b64encode(record.key[:_KEY_BYTES]).decode(),
            value=base64.b64encode((original or b"")[:MAX_RECORD_BYTES]).decode(),
        )
        place = f"{topic}-{self.partition}-{record.offset}" + ("" if refused.index is None else f"-{refused.index}")
        self._outputs.setdefault(DEAD_LETTERS, []).append((place.encode(), letter.wire()))
        self.changed = True

    def take(self) -> Checkpoint:
        """Return all that changed since the last time, as bytes, and forget that it changed."""
        self._checkpoints += 1
        outputs, self._outputs = self._outputs, {}
        journal = {"v": Message().v, "n": self._checkpoints, "entries": self._entries}
        outputs[JOURNAL] = [(str(self.partition).encode(), json.dumps(journal, separators=(",", ":")).encode())]
        self._entries = []
        engine = self.engine
        states: list[tuple[bytes, bytes | None]] = [
            *((e.encode() + HOT, _hot(engine.enterprises[e])) for e in sorted(engine.dirty_hot)),
            *((e.encode() + COLD, self._cold(engine.enterprises[e])) for e in sorted(engine.dirty_cold)),
            *((_peers_key(*place), self._peers(place)) for place in sorted(engine.dirty_peers)),
            (GROUP, self._group()),
        ]
        engine.dirty_hot.clear()
        engine.dirty_cold.clear()
        engine.dirty_peers.clear()
        self.changed = self.urgent = False
        return Checkpoint(outputs, states, dict(self.next))

    def states(self) -> dict[bytes, bytes]:
        """Return the whole state as it would be written, for comparisons."""
        engine = self.engine
        whole = {GROUP: self._group()}
        for enterprise, state in engine.enterprises.items():
            if (hot := _hot(state)) is not None:
                whole[enterprise.encode() + HOT] = hot
            whole[enterprise.encode() + COLD] = self._cold(state)
        for place in engine.peers:
            whole[_peers_key(*place)] = self._peers(place) or b""
        return whole

    # ---- restore -----------------------------------------------------------------------------------------------

    def restore(self, key: bytes, value: bytes | None) -> None:
        """Take in one record of the topic ``state``; in the order of the log, so that the newest one wins."""
        if key == GROUP:
            self._restore_group(value)
        elif key.startswith(PEERS):
            series, _, period = key[len(PEERS) :].decode().partition("\0")
            if value is None:
                self.engine.peers.pop((series, int(period)), None)
            else:
                self.engine.peers[series, int(period)] = Baselines.load(unpack_group(value)["groups"])
        else:
            state = self.engine.enterprises.setdefault(key[: -len(HOT)].decode(), EnterpriseState())
            if key.endswith(COLD):
                load_cold(state, value or b"", self._rules.detectors)
            elif value is not None:
                load_hot(state, value)
            else:  # deleted: nothing is open any more, whatever older records say
                state.opened, state.hours = {}, {}

    def _restore_group(self, value: bytes | None) -> None:
        if value is None:
            return
        group = unpack_group(value)
        self.next, self.ticked, self._checkpoints = dict(group["offsets"]), group["ticked"], group["checkpoints"]
        self.engine.resume(group["now"], group["next"])

    def _group(self) -> bytes:
        engine = self.engine
        return pack_group(
            {
                "offsets": dict(sorted(self.next.items())),
                "now": engine.now,
                "next": engine.schedule(),
                "ticked": self.ticked,
                "checkpoints": self._checkpoints,
            }
        )

    def _cold(self, state: EnterpriseState) -> bytes:
        return dump_cold(state, self._rules.detectors)

    def _peers(self, place: tuple[str, int]) -> bytes | None:
        made = self.engine.peers.get(place)
        return None if made is None else pack_group({"groups": made.dump()})


def _hot(state: EnterpriseState) -> bytes | None:
    return dump_hot(state) if state.opened or state.hours else None


def _peers_key(series: str, period: int) -> bytes:
    return PEERS + f"{series}\0{period}".encode()


def _after_all(received: Received, outcome: Outcome, *, single: bool) -> Refused:
    assert outcome.refused is not None
    reason, detail = outcome.refused
    if single:
        return Refused(reason, detail, "value")
    return Refused(reason, detail, "value", received.index, received.message.wire())
