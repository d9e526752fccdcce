"""Whether signals are scored at all."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from kafka import KafkaConsumer  # type: ignore[import-untyped]  # ships no types

from connectors.embedded import KafkaServer, free_port
from connectors.topics import INPUTS, Topic, declared
from streams.clock import ManualClock
from streams.health import Beacon, State
from streams.lookout import GRACE_MS, Lookout
from streams.runtime import endpoints
from streams.settings import Settings

NOW = 1_700_000_000_000


def lookout(settings: Settings, clock: ManualClock) -> Lookout:
    return Lookout(settings, endpoints(settings), clock)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(data_dir=tmp_path, kafka_bootstrap=f"127.0.0.1:{free_port()}")


def test_one_scorer_that_works_is_enough(settings: Settings) -> None:
    clock = ManualClock(NOW)
    Beacon(settings.data_dir, "scorer-0", clock).beat("starting")
    Beacon(settings.data_dir, "scorer-1", clock).beat("running")
    assert lookout(settings, clock).look().halted_since is None


def test_a_dead_scorer_is_told_since_its_last_sign(settings: Settings) -> None:
    clock = ManualClock(NOW)
    sign = "from streams.health import Beacon; from streams.clock import ManualClock; import pathlib, sys;"
    sign += f"Beacon(pathlib.Path(sys.argv[1]), 'scorer-0', ManualClock({NOW})).beat('running')"
    subprocess.run([sys.executable, "-c", sign, str(settings.data_dir)], check=True)
    looks = lookout(settings, clock)
    assert looks.look().halted_since is None, "a restart takes a moment"
    clock.move(GRACE_MS)
    assert looks.look().halted_since == NOW
    clock.move(3_600_000)
    assert looks.look().halted_since == NOW
    Beacon(settings.data_dir, "scorer-0", clock).beat("running")
    assert looks.look().halted_since is None


@pytest.mark.parametrize(("state", "reason"), [("starting", ""), ("running", "Kafka does not answer")])
def test_a_scorer_that_lives_and_cannot_work_is_told_after_a_while(
    settings: Settings, state: State, reason: str
) -> None:
    clock = ManualClock(NOW)
    looks, beacon = lookout(settings, clock), Beacon(settings.data_dir, "scorer-0", clock)
    beacon.not_ready = lambda: reason
    for _ in range(GRACE_MS // 1000):
        beacon.beat(state)
        assert looks.look().halted_since is None
        clock.move(1_000)
    beacon.beat(state)
    assert looks.look().halted_since == NOW


def test_without_signs_and_without_kafka_nobody_knows(settings: Settings) -> None:
    clock = ManualClock(NOW)
    looks = lookout(settings, clock)
    assert looks.look().halted_since is None
    clock.move(10 * GRACE_MS)
    assert looks.look().halted_since is None


@pytest.mark.stack
async def test_scorers_of_other_machines_are_known_to_kafka(
    kafka: KafkaServer, kafka_topics: Callable[[Sequence[Topic], int], None], tmp_path: Path
) -> None:
    kafka_topics(declared(simulated=False), 1)
    settings = Settings(data_dir=tmp_path, kafka_bootstrap=kafka.bootstrap, app="elsewhere")
    clock = ManualClock(NOW)
    looks = lookout(settings, clock)
    assert looks.look().halted_since is None
    clock.move(GRACE_MS)
    assert looks.look().halted_since == NOW
    member = KafkaConsumer(INPUTS[0], bootstrap_servers=kafka.bootstrap, group_id="elsewhere")
    try:
        async with asyncio.timeout(30):
            while looks.look().halted_since is not None:
                member.poll(timeout_ms=200)
                clock.move(20_000)
    finally:
        member.close()
