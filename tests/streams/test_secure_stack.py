"""Everything that talks to Kafka, against a broker that only takes TLS and a password."""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import aclosing, contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import trustme

from connectors.clickhouse import client, migrate
from connectors.control import ControlStore
from connectors.embedded import ClickHouseServer, free_run
from connectors.kafka.admin import KafkaRefusedError, wait_until_serving
from connectors.kafka.writer import SignalWriter
from connectors.models import Signal
from streams.health import read
from streams.journal import replay_journal
from streams.runtime import Endpoints, endpoints
from streams.settings import Settings
from streams.watching import follow
from tests.secure_kafka import PASSWORD, USER, SecureKafka

pytestmark = [pytest.mark.stack, pytest.mark.timeout(600)]

WRONG_PASSWORD = "wrong-battery-staple"


@pytest.fixture(scope="module")
def secure(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SecureKafka]:
    with SecureKafka(tmp_path_factory.mktemp("secure"), free_run(2)) as server:
        yield server


@pytest.fixture
def given(secure: SecureKafka, clickhouse: ClickHouseServer, tmp_path: Path) -> dict[str, str]:
    """The settings of a stack on that broker."""
    return {
        "data_dir": str(tmp_path / "stack"),
        "partitions": "2",
        "checkpoint_ms": "100",
        "recorder_wait_ms": "100",
        "kafka_bootstrap": secure.bootstrap,
        "kafka_security": "sasl_ssl",
        "kafka_ca": str(secure.ca),
        "kafka_username": USER,
        "kafka_password": PASSWORD,
        "clickhouse_url": clickhouse.url,
        "clickhouse_user": clickhouse.user,
        "clickhouse_password": clickhouse.password,
        "clickhouse_database": "secure",
    }


def environment(given: Mapping[str, str]) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("FOREWARN_", "PYTHONDONT"))}
    return kept | {f"FOREWARN_{name.upper()}": value for name, value in given.items()}


def run(given: Mapping[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "streams.cli", *arguments]
    return subprocess.run(command, env=environment(given), capture_output=True, text=True, timeout=120, check=False)


@contextmanager
def workers(given: Mapping[str, str], logs: Path, *names: str) -> Iterator[None]:
    logs.mkdir()
    processes = []
    for name in names:
        with (logs / f"{name}.log").open("wb") as log:
            command = [sys.executable, "-m", "streams.cli", name]
            processes.append(subprocess.Popen(command, env=environment(given), stdout=log, stderr=log))
    try:
        yield
        for process in processes:
            process.send_signal(signal.SIGTERM)
        assert [process.wait(20) for process in processes] == [0] * len(processes)
    finally:
        for process in processes:
            process.kill()
            process.wait()


def until(reached: Callable[[], bool], logs: Path) -> None:
    deadline = time.monotonic() + 120  # the machine may be busy
    while not reached():
        if time.monotonic() > deadline:
            pytest.fail("\n".join(path.read_text()[-2000:] for path in logs.iterdir()))
        time.sleep(0.1)


def send(places: Endpoints, enterprises: int) -> None:
    writer = SignalWriter(places.kafka, simulated=False, zone=ZoneInfo("Asia/Shanghai"))
    try:
        for number in range(enterprises):
            case: dict[str, Any] = {
                "case_no": f"({number})",
                "kind": "bankruptcy",
                "role": "defendant",
                "status": "open",
            }
            common: dict[str, Any] = {"family": "litigation", "metric": "case", "source": "court", "payload": case}
            at = datetime.now(UTC) - timedelta(hours=1)
            writer.send(Signal(enterprise_id=f"E-{number:03d}", source_id=str(number), event_time=at, **common))
        writer.flush()
    finally:
        writer.close()


def test_topics_writer_scorer_recorder_and_notifier_work(given: dict[str, str], tmp_path: Path) -> None:
    settings = Settings(**given)  # type: ignore[arg-type]  # pydantic reads texts
    places = endpoints(settings)
    assert run(given, "topics", "--create").returncode == 0
    connection = client(places, database="")
    migrate(connection, "secure", {})
    store = ControlStore(places.control_url)
    store.upgrade()
    store.add_subscription("https://example.com/hook", "whsec_c2VjcmV0", actor="test", now_ms=0)

    def recorded() -> bool:
        counts = connection.query("SELECT (SELECT count() FROM secure.signals), (SELECT count() FROM secure.alerts)")
        return counts.result_rows == [(20, 20)]

    def queued() -> bool:
        sign = read(settings.data_dir, "notifier")
        return sign is not None and sign.detail.get("transitions") == 20

    with workers(given, tmp_path / "logs", "scorer", "recorder", "notifier"):
        send(places, 20)
        until(recorded, tmp_path / "logs")
        until(queued, tmp_path / "logs")
        status = json.loads(run(given, "status", "--json").stdout)
        assert {server["name"]: server["problem"] for server in status["servers"]}["kafka"] == ""
    connection.command("DROP DATABASE secure")
    connection.close()
    store.close()
    assert replay_journal(places, settings).equal
    assert asyncio.run(followed(places)).startswith("E-")


async def followed(places: Endpoints) -> str:
    """The enterprise of the first alert that a person at a terminal sees."""
    async with aclosing(follow(places.kafka, from_start=True)) as alerts:
        seen = await anext(alerts)
    return seen.alert.enterprise_id


@pytest.mark.parametrize(("command", "code"), [("topics", 1), ("scorer", 2)])
def test_a_wrong_password_is_told_by_its_setting_and_not_repeated(
    given: dict[str, str], command: str, code: int
) -> None:
    ended = run(given | {"kafka_password": WRONG_PASSWORD}, command)
    told = " ".join(ended.stderr.split())
    assert ended.returncode == code, told
    assert f"refuses user '{USER}': check FOREWARN_KAFKA_USERNAME, FOREWARN_KAFKA_PASSWORD" in told
    assert WRONG_PASSWORD not in ended.stdout + ended.stderr


def test_a_broker_that_others_vouch_for_is_not_trusted(given: dict[str, str], tmp_path: Path) -> None:
    other = tmp_path / "other.pem"
    trustme.CA().cert_pem.write_to_path(other)
    ended = run(given | {"kafka_ca": str(other)}, "recorder")
    told = " ".join(ended.stderr.split())
    assert ended.returncode == 2, told
    assert f"not vouched for by those in {other}" in told
    assert "FOREWARN_KAFKA_CA" in told


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"bootstrap": "localhost:{port}"}, "FOREWARN_KAFKA_BOOTSTRAP"),
        ({"mechanism": "SCRAM-SHA-256"}, "FOREWARN_KAFKA_SASL_MECHANISM=SCRAM-SHA-256"),
        ({"username": "nobody"}, "refuses user 'nobody'"),
    ],
)
def test_what_a_broker_refuses_is_known_at_once(secure: SecureKafka, change: dict[str, Any], told: str) -> None:
    changed = {name: value.format(port=secure.port) for name, value in change.items()}
    with pytest.raises(KafkaRefusedError, match=re.escape(told)):
        wait_until_serving(replace(secure.connection, **changed), 30)
