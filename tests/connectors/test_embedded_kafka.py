"""The embedded broker's life, and where its jars come from."""

from __future__ import annotations

import hashlib
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import psutil
import pytest
from kafka import KafkaConsumer, KafkaProducer  # type: ignore[import-untyped]
from tenacity import Retrying, retry_if_result, stop_after_delay, wait_fixed

from connectors.embedded import JarsMissingError, KafkaServer, PortTakenError, ensure_free, free_port, jars
from connectors.embedded.leash import leashed
from connectors.kafka.admin import ensure_topics
from connectors.topics import Topic


def eventually(question: object) -> bool:
    waiting = Retrying(stop=stop_after_delay(15), wait=wait_fixed(0.05), retry=retry_if_result(lambda done: not done))
    return bool(waiting(question))  # type: ignore[arg-type]


@pytest.mark.stack
def test_records_outlive_a_restart_on_the_same_directory(tmp_path: Path) -> None:
    server = KafkaServer(tmp_path / "kafka", free_port(), free_port(), heap="256m")
    with server:
        ensure_topics(server.connection, [Topic("kept", True)], 2)
        producer = KafkaProducer(bootstrap_servers=server.bootstrap)
        producer.send("kept", key=b"k", value=b"still here").get(10)
        producer.close()
        with pytest.raises(PortTakenError, match=rf"{server.port} .*by java.*FOREWARN_KAFKA_PORT"):
            KafkaServer(tmp_path / "other", server.port, free_port()).start()
        names = psutil.Process(server.pid).net_connections("tcp")
        assert {c.laddr.ip.removeprefix("::ffff:") for c in names if c.status == psutil.CONN_LISTEN} == {"127.0.0.1"}
    assert server.pid is None
    with server:
        consumer = KafkaConsumer(
            "kept", bootstrap_servers=server.bootstrap, auto_offset_reset="earliest", consumer_timeout_ms=20_000
        )
        assert next(consumer).value == b"still here"
        consumer.close()
    assert (tmp_path / "kafka" / "logs" / "server.log").stat().st_size > 0


def test_a_taken_port_is_told_with_its_holder_and_the_setting_to_change() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(PortTakenError) as caught:
            ensure_free(port, "The board", "FOREWARN_HTTP_PORT")
    message = str(caught.value)
    assert f"The board cannot listen on 127.0.0.1:{port}" in message
    assert f"process {os.getpid()}" in message
    assert "set FOREWARN_HTTP_PORT" in message
    ensure_free(port, "The board", "FOREWARN_HTTP_PORT")


def test_a_child_on_a_leash_ends_with_its_parent() -> None:
    parent = subprocess.Popen(
        [sys.executable, "-c", LEASHER, *leashed(["sleep", "600"], signal.SIGTERM)[1:4]], stdout=subprocess.PIPE
    )
    assert parent.stdout is not None
    child = psutil.Process(int(parent.stdout.readline()))
    assert eventually(lambda: child.name() == "sleep")
    parent.kill()
    parent.wait()
    parent.stdout.close()
    assert eventually(lambda: not child.is_running() or child.status() == psutil.STATUS_ZOMBIE)


LEASHER = """
import os, subprocess, sys, time
*flags, leash = sys.argv[1:]
child = subprocess.Popen([sys.executable, *flags, leash, str(os.getpid()), "15", "0", "sleep", "600"])
print(child.pid, flush=True)
time.sleep(600)
"""


def test_a_child_on_a_leash_stands_back_as_far_as_it_is_told() -> None:
    asked = [sys.executable, "-c", "import os; print(os.nice(0))"]
    nices = [
        int(subprocess.run(leashed(asked, signal.SIGTERM, nice), capture_output=True, check=True).stdout)
        for nice in (0, 5)
    ]
    assert nices[1] == min(19, nices[0] + 5)


def test_a_child_whose_parent_is_gone_already_does_not_start() -> None:
    command = leashed([sys.executable, "-c", "print('ran')"], signal.SIGTERM)
    command[4] = "1"  # a parent that is not ours
    assert subprocess.run(command, capture_output=True, check=False).stdout == b""


class Repository(BaseHTTPRequestHandler):
    """Serves any jar as its own path, but for what is to be damaged."""

    asked: list[str]
    damaged = ""

    def do_GET(self) -> None:
        content = self.path.removesuffix(".sha1").encode()
        self.asked.append(self.path)
        if self.path.endswith(".sha1"):
            content = hashlib.sha1(content, usedforsecurity=False).hexdigest().encode()
        elif self.damaged and self.damaged in self.path:
            content = b"something else"
        self.send_response(200)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def repository(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[type[Repository]]:
    """A repository of three small jars that jgo is configured to use."""

    class Mine(Repository):
        asked: list[str] = []  # noqa: RUF012

    def jar(artifact: str) -> jars.Jar:
        path = f"/org/x/{artifact}/1/{artifact}-1.jar"
        return jars.Jar("org.x", artifact, "1", hashlib.sha256(path.encode()).hexdigest())

    with ThreadingHTTPServer(("127.0.0.1", 0), Mine) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        config = tmp_path / "jgo.conf"
        config.write_text(f"[repositories]\nours = http://127.0.0.1:{server.server_port}\n")
        monkeypatch.setenv("JGO_CONFIG_FILE", str(config))
        monkeypatch.setenv("NO_PROXY", "127.0.0.1")
        monkeypatch.setattr(jars, "pinned", lambda: (jar("a"), jar("b"), jar("c")))
        yield Mine
        server.shutdown()
        thread.join()


def test_jars_are_fetched_once_even_by_two_at_once(repository: type[Repository], tmp_path: Path) -> None:
    said: list[str] = []
    threads = [Thread(target=jars.ensure_jars, args=(tmp_path / "cache", said.append)) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    paths = jars.ensure_jars(tmp_path / "cache", said.append)
    assert [path.name for path in paths] == ["a-1.jar", "b-1.jar", "c-1.jar"]
    assert all(path.exists() for path in paths)
    assert len([path for path in repository.asked if path.endswith(".jar")]) == 3
    assert len(said) == 1
    assert "3 files" in said[0]


def test_a_jar_that_is_not_the_pinned_one_is_refused_and_the_rest_is_kept(
    repository: type[Repository], tmp_path: Path
) -> None:
    repository.damaged = "b-1.jar"
    with pytest.raises(JarsMissingError):
        jars.ensure_jars(tmp_path / "cache", lambda _: None)
    assert not list((tmp_path / "cache").rglob("b-1.jar"))
    repository.damaged = ""
    assert len(jars.ensure_jars(tmp_path / "cache", lambda _: None)) == 3


def test_without_network_and_cache_the_message_says_what_to_do(
    repository: type[Repository], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = tmp_path / "jgo.conf"
    config.write_text(f"[repositories]\nours = http://127.0.0.1:{free_port()}\n")
    with pytest.raises(JarsMissingError, match=r"(?s)could not be fetched.*connect.*FOREWARN_KAFKA_BOOTSTRAP"):
        jars.ensure_jars(tmp_path / "cache", lambda _: None)
