"""Scorers on a real broker: killed, frozen, failing. Nothing may be lost, doubled or different."""

from __future__ import annotations

import os
import random
import re
import signal
import subprocess
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any, Literal
from zoneinfo import ZoneInfo

import httpx
import pytest
from kafka import (  # type: ignore[import-untyped]  # ships no types
    KafkaAdminClient,
    KafkaConsumer,
    KafkaProducer,
    TopicPartition,
)

from connectors.contract import Rejected
from connectors.embedded import KafkaServer
from connectors.kafka.admin import connected
from connectors.kafka.partitioner import partition_of
from connectors.kafka.writer import SignalWriter
from connectors.models import Alert, DeadLetter, Risk, Signal
from connectors.recordtime import topic_of
from connectors.simulator import CitySource
from connectors.topics import ALERTS, DEAD_LETTERS, INPUTS, RISK, Topic, declared
from streams.clock import SystemClock, millis
from streams.health import read
from streams.journal import Comparison, bring, replay_journal, rewrite
from streams.membership import OtherTopicsError, refuse_other_topics
from streams.replay import replay
from streams.rules import rules_for
from streams.runtime import endpoints
from streams.settings import Settings

pytestmark = pytest.mark.stack

PARTITIONS = 4
PROCESS = Path(__file__).with_name("scorer_process.py")
MakeTopics = Callable[[Sequence[Topic], int], None]


class Stack:
    """Settings, scorers and what they wrote."""

    def __init__(self, kafka: KafkaServer, directory: Path, app: str, stack_time: Literal["live", "simulated"]) -> None:
        self.bootstrap = kafka.bootstrap
        self.kafka = kafka.connection
        self.directory = directory
        inherited = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
        self.environment = inherited | {
            "PYTHONPYCACHEPREFIX": str(directory.parent / "compiled"),  # or each start would compile all libraries
            "FOREWARN_DATA_DIR": str(directory),
            "FOREWARN_KAFKA_BOOTSTRAP": kafka.bootstrap,
            "FOREWARN_APP": app,
            "FOREWARN_STACK_TIME": stack_time,
            "FOREWARN_PARTITIONS": str(PARTITIONS),
            "FOREWARN_CHECKPOINT_MS": "100",
        }
        self.settings = Settings(
            data_dir=directory, kafka_bootstrap=kafka.bootstrap, app=app, stack_time=stack_time, partitions=PARTITIONS
        )
        self.processes: list[subprocess.Popen[bytes]] = []

    def scorer(self, worker: int, *failing: str) -> subprocess.Popen[bytes]:
        with (self.directory / f"scorer-{worker}.log").open("ab") as log:
            process = subprocess.Popen(
                [sys.executable, str(PROCESS), str(worker), *failing], env=self.environment, stdout=log, stderr=log
            )
        self.processes.append(process)
        return process

    def log(self, worker: int) -> str:
        return (self.directory / f"scorer-{worker}.log").read_text()

    def ready(self, *workers: int) -> bool:
        """Whether these scorers share the groups evenly."""
        signs = [read(self.directory, f"scorer-{worker}") for worker in workers]
        shares = [len(sign.detail["partitions"]) for sign in signs if sign and not sign.detail["rebalancing"]]
        return shares == [PARTITIONS // len(workers)] * len(workers)

    def lag(self) -> int:
        with connected(self.kafka) as admin:
            return sum(topic.lag for topic in admin.lag(self.settings.app, INPUTS))

    def delete_records(self, topic: str) -> None:
        """Do what retention does: delete all that there is."""
        with connected(self.kafka) as admin:
            ends = admin.end_offsets([topic])[topic]
        client = KafkaAdminClient(bootstrap_servers=self.bootstrap)
        client.delete_records({TopicPartition(topic, partition): end for partition, end in ends.items()})
        client.close()

    def until(self, reached: Callable[[], bool], seconds: float = 150) -> None:
        deadline = time.monotonic() + seconds
        while not reached():
            alive = [process for process in self.processes if process.poll() is None]
            if time.monotonic() > deadline or not alive:
                logs = "\n".join(path.read_text()[-3000:] for path in self.directory.glob("scorer-*.log"))
                pytest.fail(f"not reached; lag {self.lag()}\n{logs}")
            time.sleep(0.1)

    def compared(self) -> Comparison:
        return replay_journal(endpoints(self.settings), self.settings)

    def rows(self, topic: str) -> list[tuple[bytes, bytes]]:
        consumer = KafkaConsumer(bootstrap_servers=self.bootstrap, isolation_level="read_committed")
        places = [TopicPartition(topic, p) for p in range(PARTITIONS)]
        consumer.assign(places)
        consumer.seek_to_beginning(*places)
        ends = consumer.end_offsets(places)
        rows = []
        while any(consumer.position(place) < ends[place] for place in places):
            for records in consumer.poll(timeout_ms=200).values():
                rows += [(record.key, record.value) for record in records]
        consumer.close()
        return rows

    def alerts(self) -> list[Alert]:
        return [Alert.model_validate_json(value) for _, value in self.rows(ALERTS)]

    def dead_letters(self) -> list[DeadLetter]:
        return [DeadLetter.model_validate_json(value) for _, value in self.rows(DEAD_LETTERS)]


@contextmanager
def running(stack: Stack) -> Iterator[Stack]:
    try:
        yield stack
    finally:
        for process in stack.processes:
            if process.poll() is None:
                process.send_signal(signal.SIGCONT)
                process.kill()
                process.wait()


def stop(process: subprocess.Popen[bytes]) -> float:
    """Stop a scorer cleanly and return how long it took."""
    started = time.monotonic()
    process.terminate()
    assert process.wait(timeout=15) == 0
    return time.monotonic() - started


ENTERPRISES = [f"ENTERPRISE-{n:03d}" for n in range(60)]
CASES = ["filing", "enforcement", "dishonest", "consumption_ban", "bankruptcy"]


def signals(count: int, seed: int) -> Iterator[Signal]:
    """A live mixture: mostly quarter-hours, some cases, filings and news, and a meter that goes off and on."""
    chance = random.Random(seed)
    base = datetime.now(UTC).replace(minute=0, second=0, microsecond=0) - timedelta(days=2)
    for number in range(count):
        enterprise = chance.choice(ENTERPRISES)
        common: dict[str, Any] = {"enterprise_id": enterprise, "source": "test", "source_id": f"{seed}-{number}"}
        moment = base + timedelta(minutes=15 * chance.randint(0, 180))
        kind = chance.random()
        if kind < 0.9:
            yield Signal(
                **common, family="electricity", metric="kwh_15min", value=chance.randint(1, 400) / 4, unit="kWh",
                event_time=moment,
            )  # fmt: skip
        elif kind < 0.96:
            case: dict[str, Any] = {
                "case_no": f"({number})", "kind": chance.choice(CASES), "role": "defendant",
                "status": chance.choice(["open", "closed"]),
            }  # fmt: skip
            yield Signal(**common, family="litigation", metric="case", payload=case, event_time=moment)
        else:
            status: dict[str, Any] = {"status": chance.choice(["offline", "online", "arrears", "paid"])}
            yield Signal(**common, family="electricity", metric="meter_status", payload=status, event_time=moment)


class Feed:
    """Sends signals, one a record, and now and then something that no one can decode."""

    def __init__(self, stack: Stack) -> None:
        self.producer = KafkaProducer(bootstrap_servers=stack.bootstrap, acks="all", enable_idempotence=True)
        self.rejected: Counter[str] = Counter()

    def send(self, messages: Iterable[Signal]) -> None:
        for number, message in enumerate(messages):
            partition = partition_of(message.enterprise_id, PARTITIONS)
            key = message.enterprise_id.encode()
            self.producer.send(topic_of(message), key=key, value=message.wire(), partition=partition)
            if number % 500 == 0:
                nonsense = f"nonsense {message.source_id}"
                self.producer.send("signals.tax", key=key, value=nonsense.encode(), partition=partition)
                self.rejected[nonsense] += 1
        self.producer.flush()

    def close(self) -> None:
        self.producer.close()


def assert_exact(stack: Stack) -> Comparison:
    comparison = stack.compared()
    assert comparison.equal, comparison.as_json()
    sequences: defaultdict[str, list[int]] = defaultdict(list)
    for alert in stack.alerts():
        sequences[alert.enterprise_id].append(alert.sequence)
    assert sequences, "the test must see alerts"
    for enterprise, sequence in sequences.items():
        assert sequence == list(range(1, len(sequence) + 1)), enterprise
    return comparison


def test_killed_and_frozen_scorers_lose_and_double_nothing(
    kafka: KafkaServer, kafka_topics: MakeTopics, tmp_path: Path
) -> None:
    kafka_topics(declared(simulated=False), PARTITIONS)
    with running(Stack(kafka, tmp_path, "exact", "live")) as stack:
        feed, sent = Feed(stack), 0
        first, second = stack.scorer(0), stack.scorer(1)

        def send(count: int) -> None:
            nonlocal sent
            feed.send(signals(count, seed=sent))
            sent += count

        send(1_000)
        stack.until(lambda: stack.ready(0, 1))
        send(1_000)
        first.send_signal(signal.SIGKILL)
        first.wait()
        (tmp_path / "run" / "scorer-0.json").unlink()
        send(1_000)
        first = stack.scorer(0)
        stack.until(lambda: stack.ready(0, 1) and stack.lag() == 0)
        # Frozen for longer than its session: the other one takes its groups, and fences it.
        send(1_000)
        second.send_signal(signal.SIGSTOP)
        send(1_000)
        stack.until(lambda: stack.lag() == 0)
        second.send_signal(signal.SIGCONT)
        send(1_000)
        stack.until(lambda: "ProducerFenced" in stack.log(1) and stack.ready(0, 1) and stack.lag() == 0)
        feed.close()
        assert stop(first) < 8
        assert stop(second) < 8
        comparison = assert_exact(stack)
        assert comparison.records == sent + feed.rejected.total()
        assert Counter(letter.reason for letter in stack.dead_letters() if letter.topic == "signals.tax") == {
            "bad-json": feed.rejected.total()
        }


def test_a_record_on_which_the_engine_fails_twice_is_put_aside_and_the_rest_goes_on(
    kafka: KafkaServer, kafka_topics: MakeTopics, tmp_path: Path
) -> None:
    kafka_topics(declared(simulated=False), PARTITIONS)
    poisoned = [f"1-{number}" for number in (700, 701, 1500, 1800)]
    with running(Stack(kafka, tmp_path, "faulty", "live")) as stack:
        scorers = [stack.scorer(worker, *poisoned) for worker in (0, 1)]
        stack.until(lambda: stack.ready(0, 1))
        feed = Feed(stack)
        feed.send(signals(2_000, seed=1))
        feed.close()
        stack.until(lambda: stack.lag() == 0)
        for scorer in scorers:
            stop(scorer)
        letters = [letter for letter in stack.dead_letters() if letter.reason == "engine-error"]
        assert len(letters) == len(poisoned)
        comparison = assert_exact(stack)
        assert comparison.records == 2_000 + feed.rejected.total()


def test_a_scorer_with_another_topic_set_is_refused_while_others_run_and_says_why(
    kafka: KafkaServer, kafka_topics: MakeTopics, tmp_path: Path
) -> None:
    kafka_topics(declared(simulated=False), PARTITIONS)
    with running(Stack(kafka, tmp_path, "versions", "live")) as stack:
        stack.scorer(0)
        stack.until(lambda: stack.ready(0))
        other = subprocess.run(
            [sys.executable, "-m", "streams.drill.faulty_scorer", "--worker-id", "1", "--without", "signals.sentiment"],
            env=stack.environment, capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip
        told = " ".join(other.stderr.split())
        assert other.returncode == 2, told
        assert "versions-scorer-0" in told
        assert "only they: signals.sentiment" in told
        assert "stop all scorers" in told
        assert stack.ready(0), "the others go on"
        stop(stack.processes[0])
        # A version with the same topics may join at once, also while the one that stopped is still counted.
        refuse_other_topics(stack.settings.kafka_connection(), "versions", INPUTS, SystemClock(), patience_s=0)
        with pytest.raises(OtherTopicsError):
            refuse_other_topics(stack.settings.kafka_connection(), "versions", INPUTS[1:], SystemClock(), patience_s=0)


def test_input_that_retention_took_is_told_and_skipped(
    kafka: KafkaServer, kafka_topics: MakeTopics, tmp_path: Path
) -> None:
    kafka_topics(declared(simulated=False), PARTITIONS)
    with running(Stack(kafka, tmp_path, "late", "live")) as stack:
        feed = Feed(stack)
        feed.send(signals(200, seed=1))
        scorer = stack.scorer(0)
        stack.until(lambda: stack.lag() == 0)
        stop(scorer)
        feed.send(signals(200, seed=2))
        stack.delete_records("signals.litigation")
        feed.send(signals(200, seed=3))
        feed.close()
        scorer = stack.scorer(0)

        def told_of_it() -> bool:
            sign = read(stack.directory, "scorer-0")
            return sign is not None and sign.pid == scorer.pid and sign.detail["input_lost"] > 0

        stack.until(lambda: stack.lag() == 0 and told_of_it())
        sign = read(stack.directory, "scorer-0")
        assert sign is not None
        page = httpx.get(f"{sign.probes}/metrics").text
        told = re.search(r'input_lost_records_total\{topic="signals.litigation"\} (\d+)', page)
        assert told is not None and int(told[1]) == sign.detail["input_lost"] > 0
        assert 'signals_total{family="tax"} 0.0' in page and "forewarn_ready 1.0" in page
        stop(scorer)
        assert "input lost to retention" in stack.log(0)
        lost = [letter for letter in stack.dead_letters() if letter.reason == "input-lost"]
        assert 0 < len(lost) <= PARTITIONS and {letter.topic for letter in lost} == {"signals.litigation"}
        assert sorted(stack.compared().unreplayable) == list(range(PARTITIONS))


def test_streaming_a_city_decides_what_replaying_it_decides(
    kafka: KafkaServer, kafka_topics: MakeTopics, tmp_path: Path
) -> None:
    kafka_topics(declared(simulated=True), PARTITIONS)
    with running(Stack(kafka, tmp_path, "city", "simulated")) as stack:
        city = CitySource(enterprises=40, days=120, warm_up=60, seed=3)
        stack.scorer(0)
        writer = SignalWriter(stack.kafka, simulated=True, zone=ZoneInfo("Asia/Shanghai"))
        for batch in city.read():
            for item in batch.items:
                assert not isinstance(item, Rejected)
                writer.send(item)
        writer.close()
        stack.until(lambda: stack.lag() == 0)
        stop(stack.processes[0])
        assert_exact(stack)
        replayed = replay([city], rules_for(stack.settings), stack.settings.zone)
        by_partition = sorted(replayed.alerts)
        assert sorted(stack.rows(ALERTS)) == by_partition
        rewritten = rewrite(endpoints(stack.settings), rules_for(stack.settings))
        assert sorted(rewritten.alerts) == sorted(value for _, value in replayed.alerts)
        assert replayed.span is not None
        assert rewritten.first == millis(replayed.span[0])
        assert_brought_to_any_moment(stack, city)


def assert_brought_to_any_moment(stack: Stack, city: CitySource) -> None:
    """The journal is followed to a moment between two records: what was due before it has been decided."""
    decided = [Risk.model_validate_json(value) for _, value in stack.rows(RISK)]
    for story in city.stories():
        mine = [risk for risk in decided if risk.enterprise_id == story.enterprise_id]
        for told, after in pairwise(mine):
            if told.at == after.at:
                continue
            until = millis(after.at) - 1
            group = partition_of(story.enterprise_id, PARTITIONS)
            brought = bring(endpoints(stack.settings), stack.settings, group, until, story.enterprise_id)
            assert brought.risk is not None
            assert Risk.model_validate_json(brought.risk) == told
            assert brought.shard.engine.now <= until
            break
