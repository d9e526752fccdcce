"""Files and the city into a real Kafka: partitions, record times, order, counts, resumption."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import pytest
import typer
from kafka import KafkaConsumer, TopicPartition  # type: ignore[import-untyped]
from typer.testing import CliRunner, Result

from connectors.compact import Block
from connectors.contract import OrderError, OversizedError, Rejected, WriteError
from connectors.decoding import Decoder, Received
from connectors.embedded import KafkaServer
from connectors.kafka.partitioner import partition_of
from connectors.kafka.writer import SignalWriter
from connectors.models import Enterprise, Heartbeat, Signal
from connectors.recordtime import record_time_ms, topic_of
from connectors.simulator import CitySource
from connectors.topics import INPUTS, SOURCES, Topic, declared
from streams.cli.ingest import ingest
from streams.cli.simulate import simulate
from streams.clock import millis

pytestmark = pytest.mark.stack
ZONE = ZoneInfo("Asia/Shanghai")
PARTITIONS = 4
MakeTopics = Callable[[Sequence[Topic], int], None]
app = typer.Typer()
app.command()(simulate)
app.command()(ingest)


class Stored:
    """What lies in the input topics: messages by topic, and the record times."""

    def __init__(self, bootstrap: str, topics: Sequence[str] = INPUTS) -> None:
        consumer = KafkaConsumer(bootstrap_servers=bootstrap, enable_auto_commit=False)
        places = [TopicPartition(topic, p) for topic in topics for p in range(PARTITIONS if topic != SOURCES else 1)]
        consumer.assign(places)
        consumer.seek_to_beginning()
        ends = consumer.end_offsets(places)
        decoder = Decoder(PARTITIONS)
        self.received: list[Received] = []
        self.records = []
        while any(consumer.position(place) < ends[place] for place in places):
            for records in consumer.poll(timeout_ms=1_000).values():
                for record in records:
                    self.records.append(record)
                    if record.topic == SOURCES:
                        continue
                    answers = decoder.decode(
                        record.topic, record.partition, record.offset, record.key, record.value, record.timestamp
                    )
                    for answer in answers:
                        assert isinstance(answer, Received), answer
                        self.received.append(answer)
        consumer.close()

    def counts(self) -> Counter[str]:
        return Counter(received.topic for received in self.received)


def city() -> CitySource:
    return CitySource(enterprises=40, days=12, seed=5, history_months=1)


def messages(source: CitySource) -> list[Signal | Enterprise]:
    return [item for batch in source.read() for item in batch.items if not isinstance(item, Rejected)]


def environment(kafka: KafkaServer, tmp_path: Path, time: str) -> dict[str, str]:
    return {
        "FOREWARN_DATA_DIR": str(tmp_path),
        "FOREWARN_STACK_TIME": time,
        "FOREWARN_KAFKA_BOOTSTRAP": kafka.bootstrap,
        "FOREWARN_PARTITIONS": str(PARTITIONS),
    }


def run(arguments: list[str], env: dict[str, str]) -> Result:
    return CliRunner().invoke(app, arguments, env=env, catch_exceptions=False)


@pytest.mark.parametrize(("envelope", "compact"), [(1, False), (50, False), (50, True)])
def test_the_city_arrives_with_its_own_times_on_its_own_partitions(
    kafka: KafkaServer, kafka_topics: MakeTopics, envelope: int, compact: bool
) -> None:
    kafka_topics(declared(simulated=True), PARTITIONS)
    sent = messages(city())
    writer = SignalWriter(kafka.connection, simulated=True, zone=ZONE, envelope=envelope, compact=compact)
    for message in sent:
        writer.send(message)
    writer.flush()
    writer.close()
    stored = Stored(kafka.bootstrap)
    assert sorted(r.message.wire() for r in stored.received) == sorted(message.wire() for message in sent)
    for received in stored.received:
        assert received.time == record_time_ms(received.message, ZONE)
        assert received.partition == partition_of(received.message.enterprise_id, PARTITIONS)
    assert len(stored.records) < len(sent) if envelope > 1 else len(stored.records) == len(sent)


def test_a_block_of_many_enterprises_becomes_a_record_for_each_partition(
    kafka: KafkaServer, kafka_topics: MakeTopics
) -> None:
    kafka_topics(declared(simulated=False), PARTITIONS)
    at = millis(datetime.now(UTC)) // 1000 * 1000 - 3_600_000
    firms = [f"E{number}" for number in range(300)]
    writer = SignalWriter(kafka.connection, simulated=False, zone=ZONE)
    writer.send_block(Block("electricity", "kwh_15min", "kWh", "grid", firms, np.arange(300.0), at))
    with pytest.raises(OversizedError, match="send fewer"):
        writer.send_block(Block("electricity", "kwh_15min", "kWh", "grid", firms * 1_400, np.zeros(420_000), at))
    writer.flush()
    writer.close()
    stored = Stored(kafka.bootstrap)
    assert len(stored.records) == PARTITIONS
    values = {r.message.enterprise_id: r.message.value for r in stored.received if isinstance(r.message, Signal)}
    assert values == {firm: float(number) for number, firm in enumerate(firms)}


def test_each_partition_keeps_the_order_of_sending(kafka: KafkaServer, kafka_topics: MakeTopics) -> None:
    kafka_topics(declared(simulated=False), PARTITIONS)
    sent = [message for message in messages(city()) if isinstance(message, Signal)]
    padded = [message.model_copy(update={"attributes": {"pad": "x" * 2_000}}) for message in sent]
    writer = SignalWriter(kafka.connection, simulated=False, zone=ZONE)
    for message in padded:
        writer.send(message)
    writer.flush()
    writer.close()
    stored = Stored(kafka.bootstrap)
    for topic in INPUTS:
        for partition in range(PARTITIONS):
            here = [r.message.source_id for r in stored.received if (r.topic, r.partition) == (topic, partition)]
            expected = [
                m.source_id for m in padded
                if topic_of(m) == topic and partition_of(m.enterprise_id, PARTITIONS) == partition
            ]  # fmt: skip
            assert here == expected


def test_what_cannot_be_sent_is_refused_and_the_writer_goes_on(kafka: KafkaServer, kafka_topics: MakeTopics) -> None:
    kafka_topics(declared(simulated=True), PARTITIONS)
    early, *_, late = [message for message in messages(city()) if isinstance(message, Signal)]
    writer = SignalWriter(kafka.connection, simulated=True, zone=ZONE)
    writer.send(late)
    with pytest.raises(OrderError, match="order of publication"):
        writer.send(early)
    with pytest.raises(OversizedError):
        writer.send(late.model_copy(update={"attributes": {"pad": "x" * 1_100_000}}))
    beat = Heartbeat(source="simulator", at=datetime(2025, 9, 1, tzinfo=UTC), status="alive")
    writer.beat(beat)
    writer.flush()
    writer.close()
    stored = Stored(kafka.bootstrap, [*INPUTS, SOURCES])
    assert [r.message for r in stored.received] == [late]
    assert [r.value for r in stored.records if r.topic == SOURCES] == [beat.wire()]


def test_missing_topics_are_told(kafka: KafkaServer, kafka_topics: MakeTopics) -> None:
    with pytest.raises(WriteError, match="forewarn topics"):
        SignalWriter(kafka.connection, simulated=True, zone=ZONE)


def test_simulate_streams_once_and_files_go_the_same_way(
    kafka: KafkaServer, kafka_topics: MakeTopics, tmp_path: Path
) -> None:
    env = environment(kafka, tmp_path, "simulated")
    shape = ["--enterprises", "40", "--days", "12", "--seed", "5", "--json"]
    kafka_topics(declared(simulated=True), PARTITIONS)
    first = run(["simulate", *shape, "--speed", "0"], env)
    assert first.exit_code == 0, first.output
    result = json.loads(first.stdout)
    streamed = Stored(kafka.bootstrap)
    assert streamed.counts().total() == result["sent"]
    assert json.loads(run(["simulate", *shape], env).stdout)["sent"] == result["sent"]
    assert Stored(kafka.bootstrap).counts() == streamed.counts()

    out = tmp_path / "city.ndjson.gz"
    assert run(["simulate", *shape, "--out", str(out)], env).exit_code == 0
    kafka_topics(declared(simulated=True), PARTITIONS)
    ingested = run(["ingest", str(out), "--json"], env)
    assert json.loads(ingested.stdout)["by_topic"] == result["by_topic"]
    again = Stored(kafka.bootstrap)
    assert sorted(r.message.wire() for r in again.received) == sorted(r.message.wire() for r in streamed.received)


def test_ingest_counts_quarantines_and_does_no_harm_when_run_twice(
    kafka: KafkaServer, kafka_topics: MakeTopics, tmp_path: Path
) -> None:
    kafka_topics(declared(simulated=True), PARTITIONS)
    env = environment(kafka, tmp_path, "simulated")
    wide = tmp_path / "wide.csv"
    wide.write_text("record_date,E1,E2\n2015-01-02,1,2\n2015-01-01,3,x\n")
    registry = tmp_path / "registry.csv"
    registry.write_text("enterprise_id,names\nE1,宏远\n")
    arguments = ["ingest", str(wide), str(registry), "--known-since", "2014-12-01", "--json"]
    checked = json.loads(run([*arguments, "--dry-run"], env).stdout)
    assert (checked["valid"], checked["rejected"], checked["sent"]) == (4, 1, 0)
    for sent, earlier in ((4, 0), (0, 4)):
        result = json.loads(run(arguments, env).stdout)
        assert (result["sent"], result["earlier"], result["by_reason"]) == (sent, earlier, {"bad-value": 1})
        [row] = [json.loads(line) for line in Path(result["quarantine"]).read_text().splitlines()]
        assert (row["file"], row["row"], row["column"], row["text"]) == ("wide.csv", 3, "E2", "x")
    assert "nothing new; 4 were sent earlier" in run(arguments[:-1], env).output
    stored = Stored(kafka.bootstrap)
    assert stored.counts() == {"enterprises": 1, "signals.electricity": 3}
    assert min(r.time for r in stored.received if r.topic != "enterprises") == round(
        datetime(2015, 1, 2, 6, tzinfo=ZONE).timestamp() * 1000
    )


def test_an_empty_file_is_told_as_such(tmp_path: Path) -> None:
    (tmp_path / "empty.csv").touch()
    result = run(["ingest", str(tmp_path / "empty.csv"), "--dry-run"], {"FOREWARN_DATA_DIR": str(tmp_path)})
    assert result.exit_code == 2
    assert "is empty" in result.output


def test_a_live_stack_is_not_fed_with_a_city(kafka: KafkaServer, tmp_path: Path) -> None:
    result = run(["simulate", "--days", "2"], environment(kafka, tmp_path, "live"))
    assert result.exit_code == 2
    assert "FOREWARN_STACK_TIME=simulated" in result.stderr
