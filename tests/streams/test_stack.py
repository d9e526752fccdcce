"""The stack's own servers, its topics and tables, and what ``status`` and ``topics`` say of them."""

from __future__ import annotations

import json
import os
import socket
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from connectors.embedded import PortTakenError, free_port, free_run
from connectors.kafka.admin import TopicLag
from connectors.topics import declared
from streams import health
from streams.checkup import GroupHealth, PartHealth, ServerHealth, judge
from streams.cli.status import status
from streams.cli.topics import topics
from streams.clock import ManualClock, SystemClock
from streams.runtime import StackMismatchError, endpoints, load_settings
from streams.settings import Settings
from streams.stack import StackBusyError, environment, parts_of, stack
from streams.supervisor import Part, Step, Supervisor

KAFKA, CLICKHOUSE = ServerHealth("kafka", "k:1"), ServerHealth("clickhouse", "http://c:1")
AWAY = ServerHealth("kafka", "k:1", "no Kafka listens at k:1")
SCORER, RECORDER = GroupHealth("scorer", "forewarn", 2), GroupHealth("recorder", "forewarn-recorder", 1)
RUNS = PartHealth("scorer-0", 1, "running", 0.5, {})


@pytest.mark.parametrize(
    ("parts", "servers", "groups", "verdict", "reasons"),
    [
        ([RUNS], [KAFKA, CLICKHOUSE], [SCORER, RECORDER], "ok", []),
        ([], [KAFKA, CLICKHOUSE], [SCORER, RECORDER], "ok", []),  # parts of other machines
        ([RUNS], [AWAY, CLICKHOUSE], [], "down", ["kafka: no Kafka listens at k:1"]),
        ([RUNS], [KAFKA], [GroupHealth("scorer", "forewarn", 0)], "down", ["scorer: nobody reads as forewarn"]),
        ([RUNS], [KAFKA, ServerHealth("clickhouse", "c", "away")], [SCORER], "degraded", ["clickhouse: away"]),
        ([PartHealth("recorder", 2, "silent", 40, {})], [KAFKA], [SCORER], "degraded", ["recorder: silent"]),
        ([RUNS], [KAFKA], [SCORER, GroupHealth("recorder", "g", 0)], "degraded", ["recorder: nobody reads as g"]),
    ],
)  # fmt: skip
def test_what_is_made_of_what_was_found(
    parts: list[PartHealth], servers: list[ServerHealth], groups: list[GroupHealth], verdict: str, reasons: list[str]
) -> None:
    assert judge(parts, servers, groups) == (verdict, reasons)


def test_lag_alone_is_no_reason() -> None:
    behind = GroupHealth("scorer", "forewarn", 1, [TopicLag("signals.tax", 4, 100, 90, 0)])
    assert judge([], [KAFKA, CLICKHOUSE], [behind]) == ("ok", [])


def settings_in(tmp_path: Path, **chosen: Any) -> Settings:
    port = free_run(4)  # Kafka's controller takes the one behind Kafka's
    ports = {"kafka_port": port, "clickhouse_port": port + 2, "http_port": port + 3}
    return load_settings(data_dir=tmp_path / "data", partitions=4, kafka_heap="256m", **(ports | chosen))


async def test_a_taken_port_is_told_before_anything_starts(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        settings = settings_in(tmp_path, http_port=taken.getsockname()[1])
        with pytest.raises(PortTakenError, match=f"{settings.http_port}.*FOREWARN_HTTP_PORT"):
            async with stack(settings, SystemClock(), lambda *_: None):
                pytest.fail("it must not start")


async def test_a_directory_belongs_to_one_stack(tmp_path: Path) -> None:
    settings = settings_in(tmp_path)
    async with stack(settings, SystemClock(), lambda *_: None):
        with pytest.raises(StackBusyError):
            async with stack(settings, SystemClock(), lambda *_: None):
                pytest.fail("it must not start")
    other = settings.model_copy(update={"partitions": 8})
    with pytest.raises(StackMismatchError, match="FOREWARN_PARTITIONS=4"):
        async with stack(other, SystemClock(), lambda *_: None):
            pytest.fail("it must not start")


def test_servers_of_somebody_else_are_waited_for_and_not_started(tmp_path: Path) -> None:
    settings = settings_in(tmp_path, kafka_bootstrap="k.example:9092", clickhouse_url="http://c.example:8123")
    stages = parts_of(settings, 3, ManualClock(), lambda _: None)
    parts = [item.name for stage in stages for item in stage if isinstance(item, Part)]
    steps = [item.name for stage in stages for item in stage if isinstance(item, Step)]
    assert parts == ["scorer-0", "scorer-1", "scorer-2", "recorder", "notifier", "serve"]
    assert sorted(steps) == ["clickhouse", "kafka", "tables", "topics"]


def test_no_secret_is_in_a_command(tmp_path: Path) -> None:
    settings = settings_in(tmp_path)
    secret = endpoints(settings).clickhouse_password
    parts = [item for stage in parts_of(settings, 1, ManualClock(), lambda _: None) for item in stage]
    assert all(secret not in " ".join(part.command) for part in parts if isinstance(part, Part))
    assert secret not in " ".join(environment(settings).values())


async def test_a_worker_is_ready_by_its_own_beacon_and_sick_once_that_is_old(tmp_path: Path) -> None:
    settings, clock = settings_in(tmp_path), ManualClock(1_000)
    worker = next(item for item in parts_of(settings, 1, clock, lambda _: None)[-1] if isinstance(item, Part))
    beacon = health.Beacon(settings.data_dir, worker.name, clock)
    pid = os.getpid()
    assert not worker.ready(pid)
    beacon.beat("starting")
    assert not worker.ready(pid)
    beacon.beat("running")
    assert worker.ready(pid)
    assert not worker.ready(pid + 1)
    clock.move(30_001)
    assert not worker.healthy(pid)
    assert worker.healthy(pid + 1)  # the file is of another process: no judgement


@pytest.fixture
async def servers(tmp_path: Path) -> AsyncIterator[Settings]:
    """A stack without its workers."""
    settings = settings_in(tmp_path)
    clock = SystemClock()
    async with stack(settings, clock, lambda *_: None):
        stages = parts_of(settings, 1, clock, lambda _: None)[:-1]
        async with Supervisor(stages, settings.data_dir / "logs", lambda *_: None, clock).running():
            yield settings


@pytest.mark.stack
async def test_the_servers_come_up_with_topics_and_tables_and_status_tells(servers: Settings) -> None:
    app = typer.Typer()
    app.command()(status)
    app.command()(topics)
    run = CliRunner()
    place = ["--data-dir", str(servers.data_dir)]

    listed = run.invoke(app, ["topics", *place, "--json"])
    assert listed.exit_code == 0, listed.output
    found = json.loads(listed.stdout)["topics"]
    assert {name: row["partitions"] for name, row in found.items()} == {
        topic.name: 4 if topic.grouped else 1 for topic in declared(simulated=False)
    }
    assert "signals.tax" in run.invoke(app, ["topics", *place]).stdout

    told = run.invoke(app, ["status", *place, "--json"])
    assert told.exit_code == 2, told.output  # the servers answer, but nobody scores
    answer = json.loads(told.stdout)
    assert answer["verdict"] == "down"
    assert [server["problem"] for server in answer["servers"]] == ["", ""]
    assert {group["group"] for group in answer["groups"]} == {"forewarn", "forewarn-recorder", "forewarn-notifier"}
    assert {lag["topic"] for group in answer["groups"] for lag in group["lags"]} >= {"signals.electricity", "alerts"}
    shown = run.invoke(app, ["status", *place])
    assert "scorer: nobody reads as forewarn" in shown.stdout


def test_status_of_a_stack_that_does_not_run_says_so(tmp_path: Path) -> None:
    app = typer.Typer()
    app.command()(status)
    env = {"FOREWARN_KAFKA_PORT": str(free_port()), "FOREWARN_CLICKHOUSE_PORT": str(free_port())}
    told = CliRunner().invoke(app, ["--data-dir", str(tmp_path), "--json"], env=env)
    assert told.exit_code == 2, told.output
    assert [bool(server["problem"]) for server in json.loads(told.stdout)["servers"]] == [True, True]
