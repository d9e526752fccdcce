"""Readings taken in by the frame must lead to what they lead to one by one, whatever comes in whatever pieces."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.compact import block_of, encode
from connectors.models import Signal
from connectors.readings import Apart, KafkaRecord
from streams.clock import millis
from streams.rules import Rules
from streams.shard import Record, Shard
from tests.streams.city import FACTORY, MONDAY, case, quarter, reading, rules

TOPIC = "signals.electricity"
FIRMS = [FACTORY, "E1", "E2"]


class OneByOne:
    """Decodes every record by itself: the plain way that the fast one must equal."""

    def __init__(self, rules: Rules) -> None:
        self._decoder = rules.decoder

    def decode(
        self, topic: str, partition: int, records: Sequence[KafkaRecord], known: Mapping[str, int]
    ) -> Iterator[Apart]:
        for r in records:
            yield Apart(r, self._decoder.decode(topic, partition, r.offset, r.key, r.value, r.time))


def plain_shard() -> Shard:
    given_rules = rules()
    shard = Shard(0, given_rules)
    shard._frames = OneByOne(given_rules)  # type: ignore[assignment]  # the same contract, without columns
    return shard


@st.composite
def readings(draw: st.DrawFn) -> Signal:
    """Draw a reading of one of a few enterprises: in time, late, twice, corrected, of the whole day or a part."""
    firm, revision = draw(st.sampled_from(FIRMS)), draw(st.sampled_from([0, 0, 0, 1, 2]))
    day, value = draw(st.integers(0, 4)), draw(st.sampled_from([0.0, -0.0, 1.5, 2.25, 1e14]))
    changes: dict[str, Any] = {
        "enterprise_id": firm,
        "revision": revision,
        "backfill": draw(st.sampled_from([False, False, True])),
    }
    if draw(st.integers(0, 5)) == 0:
        return reading(day, value, **changes)
    return quarter(day, draw(st.integers(0, 95) | st.integers(0, 3)), value, **changes)


@st.composite
def streams(draw: st.DrawFn) -> list[tuple[str, Record]]:
    """Draw records of two topics, in the order of their times; readings alone, in envelopes or in blocks."""
    minutes = sorted(draw(st.lists(st.integers(0, 6 * 24 * 60), min_size=1, max_size=12)))
    offsets = {TOPIC: 0, "signals.litigation": 0}
    log: list[tuple[str, Record]] = []

    def add(topic: str, minute: int, value: bytes) -> None:
        log.append((topic, Record(offsets[topic], millis(MONDAY + timedelta(minutes=minute)), None, value)))
        offsets[topic] += 1

    for minute in minutes:
        for _ in range(draw(st.integers(1, 4))):
            kind = draw(st.sampled_from(["one", "one", "envelope", "block", "case", "junk"]))
            several = draw(st.lists(readings(), min_size=1, max_size=8))
            if kind == "one":
                add(TOPIC, minute, several[0].wire())
            elif kind == "envelope":
                add(TOPIC, minute, b"[" + b",".join(s.wire() for s in several) + b"]")
            elif kind == "block":
                first = several[0]
                alike = [s.model_copy(update={"backfill": first.backfill}) for s in several if s.metric == first.metric]
                add(TOPIC, minute, encode(block_of(alike)))
            elif kind == "case":
                add("signals.litigation", minute, case(minute // 1440, number=f"case {minute}").wire())
            else:
                add(TOPIC, minute, b"\xff")
    return log


def pieces(log: list[tuple[str, Record]], cuts: set[int]) -> Iterator[tuple[str, list[Record]]]:
    """Yield neighbouring records of a topic together, but for the cuts."""
    held: list[Record] = []
    for place, (topic, record) in enumerate(log):
        if held and (topic != log[place - 1][0] or place in cuts):
            yield log[place - 1][0], held
            held = []
        held.append(record)
    if held:
        yield log[-1][0], held


def fed(shard: Shard, log: list[tuple[str, Record]], cuts: set[int], ticks: int | None) -> dict[str, list[Any]]:
    told: dict[str, list[Any]] = {}
    for topic, records in pieces(log, cuts):
        if ticks is not None:  # of so many enterprises at a time: what is left waits for the next
            shard.tick(records[0].time, ticks or None)
        shard.apply(topic, records[0].offset, records[-1].offset + 1, records)
    shard.tick(log[-1][1].time + 3 * 86_400_000)
    taken = shard.take()
    told = {name: rows for name, rows in taken.outputs.items() if name != "journal"}
    ((_, journal),) = taken.outputs["journal"]
    told["journal"] = json.loads(journal)["entries"]
    return told


@settings(deadline=None, max_examples=150)
@given(streams(), st.sets(st.integers(0, 40)), st.sampled_from([None, 0, 1, 2]))
def test_frames_lead_to_what_single_readings_lead_to(
    log: list[tuple[str, Record]], cuts: set[int], ticks: int | None
) -> None:
    fast, slow = Shard(0, rules()), plain_shard()
    assert fed(fast, log, cuts, ticks) == fed(slow, log, cuts, ticks)
    assert fast.states() == slow.states()


@settings(deadline=None, max_examples=30)
@given(streams(), st.sets(st.integers(0, 40)))
def test_the_table_of_open_days_is_restored_from_its_rolling_log(log: list[tuple[str, Record]], cuts: set[int]) -> None:
    shard, written = Shard(0, rules()), []
    for topic, records in pieces(log, cuts):
        shard.apply(topic, records[0].offset, records[-1].offset + 1, records)
        written += shard.take().states
    for _ in range(70):  # far enough that every key of the rolling log is used again
        written += shard.take().states
    newest = {key: place for place, (key, _) in enumerate(written)}
    for kept in (written, [written[place] for place in sorted(newest.values())]):
        restored = Shard(0, rules())
        for key, value in kept:
            restored.restore(key, value)
        restored.restored()
        assert restored.states() == shard.states()


def test_a_closing_that_is_interrupted_ends_as_if_it_had_not_been() -> None:
    days = [
        reading(day, 1000.0 if day < 25 else 0.0, enterprise_id=f"E{firm}", source_id=f"{firm}-{day}")
        for day in range(28)
        for firm in range(20)
    ]
    at_once, in_steps = Shard(0, rules()), Shard(0, rules())
    for offset, signal in enumerate(days):
        time = millis(signal.published_at)  # type: ignore[arg-type]  # it has one
        at_once.tick(time)
        in_steps.tick(time, 3)
        while in_steps.closing:
            if offset % 40 == 7:  # a restart in the middle of a closing
                states, in_steps = in_steps.states(), Shard(0, rules())
                for key, value in states.items():
                    in_steps.restore(key, value)
                in_steps.restored()
            in_steps.tick(time, 3)
        for shard in (at_once, in_steps):
            shard.apply(TOPIC, offset, offset + 1, [Record(offset, time, None, signal.wire())])
    assert at_once.states() == in_steps.states()
