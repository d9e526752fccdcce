"""One partition group: decoding, engine, journal and pending output, without I/O.

A shard is what a checkpoint is made from. It changes only inside its methods, and ``take`` hands out bytes, so whoever
writes them cannot see half a change.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Collection, Mapping, Sequence
from types import MappingProxyType
from typing import Any, NamedTuple

from connectors.decoding import INPUT_LOST, Received, Refused
from connectors.models import DeadLetter, Message
from connectors.readings import Apart, FrameDecoder, KafkaRecord, Readings
from connectors.topics import ALERTS, DEAD_LETTERS, FINDINGS, INPUTS, JOURNAL, MAX_RECORD_BYTES, METRICS, RISK
from detectors.peers import Baselines
from streams.clock import moment
from streams.engine import Fault, Outcome, RiskEngine
from streams.rules import MINUTE_MS, Rules
from streams.rules import rules_for as rules_for
from streams.state import COLD, GROUP, HOT, dump_hot, pack_group, unpack_group

#: Keys of the peers' baselines in ``state``: this, the series, NUL, the period.
PEERS = b"\0peers\0"
#: Keys of the tables of open days: this, the series, NUL, and what the table calls the record.
DAYS = b"\0days\0"
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
    """The engine failed on records ``[offset, end)``: drop this shard and restore it.

    If they are several, apply them carefully the next time; if it is one that fails again, condemn it.
    """

    def __init__(self, topic: str, partition: int, offset: int, error: Exception, end: int | None = None) -> None:
        super().__init__(f"{topic}-{partition} at offset {offset}: {type(error).__name__}: {error}")
        self.topic, self.partition, self.offset = topic, partition, offset
        self.end = offset + 1 if end is None else end


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
    careful
        By topic: records before this offset are applied one by one, so that a failure names its record.

    Attributes
    ----------
    next
        Topic → next offset to apply.
    ticked
        The newest tick that did something, milliseconds.
    changed, urgent
        Whether there is something to checkpoint; whether an alert waits for it.
    scored
        Messages that went through the engine.
    """

    def __init__(
        self,
        partition: int,
        rules: Rules,
        condemned: Collection[tuple[str, int]] = (),
        careful: Mapping[str, int] = MappingProxyType({}),
    ) -> None:
        self.partition = partition
        self.engine = RiskEngine(rules)
        self.next: dict[str, int] = {}
        self.ticked = 0
        self.changed = False
        self.urgent = False
        self.scored = 0
        self._rules = rules
        self._frames = FrameDecoder(rules.decoder)
        self._condemned = frozenset(condemned)
        self._careful = dict(careful)
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
        fresh = [record for record in records if record.offset >= done]
        begin = 0
        for place, record in enumerate(fresh) if self._condemned else ():
            if (topic, record.offset) in self._condemned:
                self._apply(topic, fresh[begin:place])
                self._condemn(topic, record)
                begin = place + 1
        self._apply(topic, fresh[begin:])
        if end > done:
            self._move(topic, end)

    def skip(self, topic: str, end: int) -> None:
        """Go on at ``end``: the records before it are lost for good (deleted by retention before they were read)."""
        begin = self.next.get(topic, end)
        self._entries.append(["skip", topic, begin, end, self.engine.now])
        self.next[topic], self.changed = end, True
        if begin < end:
            self._report_loss(topic, begin, end)

    @property
    def closing(self) -> bool:
        """Whether the last tick has not come to its end: call it again."""
        return self.engine.closing is not None

    def tick(self, now: int, most: int | None = None) -> None:
        """Move the stack clock to a whole minute. Nothing happens, and nothing is journalled, when nothing is due.

        Parameters
        ----------
        now
            Milliseconds.
        most
            How many enterprises may be closed; ``closing`` says whether more wait for the next call.
        """
        now -= now % MINUTE_MS
        if now < self.engine.due():
            return
        try:
            outcome = self.engine.advance(now, most)
        except Exception as error:
            clock = "tick"
            raise EngineFaultError(clock, self.partition, now, error) from error
        self.ticked = now
        self._entries.append(["tick", now] if most is None else ["tick", now, most])
        self._take_in(outcome)

    def _apply(self, topic: str, records: Sequence[Record]) -> None:
        """Decode and process records."""
        careful = self._careful.get(topic, 0)
        first = 0
        while first < len(records) and records[first].offset < careful:
            self._apply_frame(topic, records[first : first + 1])
            first += 1
        self._apply_frame(topic, records[first:])

    def _apply_frame(self, topic: str, records: Sequence[Record]) -> None:
        """Decode and process records at once. An exception leaves the engine half changed, hence the fault."""
        offset, end = (records[0].offset, records[-1].offset + 1) if records else (0, 0)
        try:
            for part in self._frames.decode(topic, self.partition, records, self.engine.enterprises.rows):
                if isinstance(part, Apart):
                    offset, end = part.record.offset, part.record.offset + 1
                    self._apply_apart(topic, part)
                else:
                    offset, end = int(part.offsets[0]), int(part.offsets[-1]) + 1
                    self._apply_readings(part, records)
        except Exception as error:
            raise EngineFaultError(topic, self.partition, offset, error, end) from error

    def _apply_apart(self, topic: str, part: Apart) -> None:
        for one in part.entries:
            if isinstance(one, Refused):
                self._dead_letter(topic, part.record, one)
                continue
            self.scored += 1
            outcome = self.engine.process(one, part.record.time)
            self._take_in(outcome)
            if outcome.refused is not None:
                self._dead_letter(
                    topic, part.record, _after_all(one, outcome, single=len(part.entries) == 1), outcome.at
                )

    def _apply_readings(self, readings: Readings, records: Sequence[Record]) -> None:
        self.scored += len(readings.offsets)
        for place, outcome in self.engine.process_readings(readings):
            self._take_in(outcome)
            if outcome.refused is not None:
                offset = int(readings.offsets[place])
                record = next(record for record in records if record.offset == offset)
                single = int((readings.offsets == offset).sum()) == 1
                refused = _after_all(readings.received(place, ()), outcome, single=single)
                self._dead_letter(readings.topic, record, refused, outcome.at)

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
            rows += [(message.enterprise_id.encode(), message.wire()) for message in messages]

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

    def _report_loss(self, topic: str, begin: int, end: int) -> None:
        """Make a dead letter of records that nobody has seen: there is nothing to keep, but someone must look."""
        now = moment(self.engine.now)
        letter = DeadLetter(
            topic=topic,
            partition=self.partition,
            offset=begin,
            reason=INPUT_LOST,
            detail=f"Kafka deleted the records up to offset {end} by age before they were scored",
            record_time=now,
            at=now,
            value="",
        )
        key = f"{topic}-{self.partition}-{begin}-{end}"
        self._outputs.setdefault(DEAD_LETTERS, []).append((key.encode(), letter.wire()))

    def _dead_letter(self, topic: str, record: KafkaRecord, refused: Refused, at: int = 0) -> None:
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
            at=moment(at or max(self.engine.now, record.time)),
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
            *((self._key(row, HOT), self._hot(row)) for row in sorted(engine.dirty_hot)),
            *((self._key(row, COLD), engine.enterprises.write(row)) for row in sorted(engine.dirty_cold)),
            *((_peers_key(*place), self._peers(place)) for place in sorted(engine.dirty_peers)),
            *(
                (_days_key(series, key), value)
                for series, table in engine.days.items()
                for key, value in table.take(self._checkpoints, len(engine.enterprises))
            ),
            (GROUP, self._group()),
        ]
        engine.dirty_hot.clear()
        engine.dirty_cold.clear()
        engine.dirty_peers.clear()
        self.changed = self.urgent = False
        return Checkpoint(outputs, states, dict(self.next))

    def states(self) -> dict[bytes, bytes]:
        """Return the whole state as records that restore it, for comparisons."""
        engine = self.engine
        whole = {GROUP: self._group()}
        for row in engine.enterprises.rows.values():
            if (hot := self._hot(row)) is not None:
                whole[self._key(row, HOT)] = hot
            whole[self._key(row, COLD)] = engine.enterprises.dump(row)
        for series, table in engine.days.items():
            whole |= {_days_key(series, key): value for key, value in table.whole(len(engine.enterprises))}
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
        elif key.startswith(DAYS):
            name, _, place = key[len(DAYS) :].partition(b"\0")
            table = self.engine.days.get(name.decode())
            if table is not None and value is not None:
                table.restore(place, value)
        elif key.endswith(HOT):
            self.engine.enterprises.restore_open(key[: -len(HOT)].decode(), value)
        elif value is not None:
            self.engine.enterprises.restore(key[: -len(COLD)].decode(), value)

    def restored(self) -> None:
        """Note that the whole topic ``state`` has been taken in. Nothing may be applied before."""
        self.engine.restored()

    def _restore_group(self, value: bytes | None) -> None:
        if value is None:
            return
        group = unpack_group(value)
        self.next, self.ticked, self._checkpoints = dict(group["offsets"]), group["ticked"], group["checkpoints"]
        self.engine.resume(group["now"], group["next"], group.get("closing"))

    def _group(self) -> bytes:
        engine = self.engine
        return pack_group(
            {
                "offsets": dict(sorted(self.next.items())),
                "now": engine.now,
                "next": engine.schedule(),
                "closing": engine.left_to_close(),
                "ticked": self.ticked,
                "checkpoints": self._checkpoints,
            }
        )

    def _key(self, row: int, kind: bytes) -> bytes:
        return self.engine.enterprises.names[row].encode() + kind

    def _hot(self, row: int) -> bytes | None:
        opened = self.engine.enterprises.opened.get(row)
        return dump_hot(opened) if opened else None

    def _peers(self, place: tuple[str, int]) -> bytes | None:
        made = self.engine.peers.get(place)
        return None if made is None else pack_group({"groups": made.dump()})


def _days_key(series: str, key: bytes) -> bytes:
    return DAYS + series.encode() + b"\0" + key


def _peers_key(series: str, period: int) -> bytes:
    return PEERS + f"{series}\0{period}".encode()


def _after_all(received: Received, outcome: Outcome, *, single: bool) -> Refused:
    assert outcome.refused is not None
    reason, detail = outcome.refused
    if single:
        return Refused(reason, detail, "value")
    return Refused(reason, detail, "value", received.index, received.message.wire())
