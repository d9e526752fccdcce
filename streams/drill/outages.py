"""Faults of what the workers depend on: Kafka, ClickHouse, the disk, the receivers, the clock, the input itself."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from clickhouse_connect.driver.client import Client
from kafka import KafkaProducer  # type: ignore[import-untyped]  # ships no types

from connectors.clickhouse import TABLES
from streams.drill.audit import Place
from streams.drill.scene import NotPossibleError, Scene

BROKER_AWAY_S, REFUSING_S, RECEIVER_DOWN_S, CLOCK_S, POISON_S = 120.0, 60.0, 20.0, 20.0, 6.0
#: The small disk, and how long it stays full.
DISK_MB, DISK_FULL_S = 512, 30.0
#: Inserts into these are refused; what is left can be looked at meanwhile.
_REFUSED = "parts_to_throw_insert = 1, parts_to_delay_insert = 0"
_FAKETIME = ("libfaketimeMT.so.1", "libfaketime.so.1")


def broker_away(scene: Scene) -> None:
    """Keep the broker away for two minutes: without its configuration it ends as often as it is started."""
    properties = scene.stack.settings.data_dir / "kafka" / "server.properties"
    away = properties.with_suffix(".away")
    scene.mark(moved=scene.groups)
    properties.rename(away)
    scene.stack.kill("kafka")
    try:
        scene.sleep(BROKER_AWAY_S)
    finally:
        away.rename(properties)


def clickhouse_refuses(scene: Scene) -> None:
    """Let ClickHouse refuse every insert for a minute, as a server with too many parts does."""
    with scene.stack.client() as client, _refusing(client):
        scene.sleep(REFUSING_S)


@contextmanager
def _refusing(client: Client) -> Iterator[None]:
    for table in TABLES:
        client.command(f"ALTER TABLE `{table.name}` MODIFY SETTING {_REFUSED}")
    try:
        yield
    finally:
        for table in TABLES:
            client.command(f"ALTER TABLE `{table.name}` RESET SETTING parts_to_throw_insert, parts_to_delay_insert")


def receiver_down(scene: Scene) -> None:
    """Answer every webhook with 503 for a while."""
    scene.receiver.down = True
    try:
        scene.sleep(RECEIVER_DOWN_S)
    finally:
        scene.receiver.down = False


def poison(scene: Scene) -> None:
    """Let one record in a hundred be no signal."""
    producer = KafkaProducer(**scene.stack.endpoints.kafka.kafka_python())
    began, sent = scene.clock.monotonic(), scene.load.sent
    acknowledged: list[Any] = []
    try:
        while scene.clock.monotonic() - began < POISON_S:
            scene.sleep(0.1)
            for _ in range((scene.load.sent - sent) // 100 - len(acknowledged)):
                topic = scene.chance.choice(["signals.electricity", "signals.litigation", "signals.tax"])
                value = scene.chance.choice(
                    [b"\xff\xfe", b"{", b'{"v": 1}', b"[3]", b"\x81", scene.chance.randbytes(40)]
                )
                partition = scene.chance.choice(scene.groups)
                acknowledged.append(producer.send(topic, value, partition=partition))
        stored = [future.get(60) for future in acknowledged]
    finally:
        producer.close()
    scene.ledger.poison |= {Place(one.topic, one.partition, one.offset) for one in stored}


# ---- a full disk -----------------------------------------------------------------------------------------------------


@contextmanager
def small_disk(directory: Path) -> Iterator[Path]:
    """Mount a small disk for as long as the block lasts.

    Raises
    ------
    NotPossibleError
        If we may not.
    """
    directory.mkdir(parents=True, mode=0o700)
    mount = ["mount", "-t", "tmpfs", "-o", f"size={DISK_MB}m,mode=700", "forewarn-drill", str(directory)]
    try:
        done = subprocess.run(mount, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        message = "there is no mount command"
        raise NotPossibleError(message) from None
    if done.returncode:
        message = f"a tmpfs cannot be mounted (root may): {done.stderr.strip()}"
        raise NotPossibleError(message)
    try:
        yield directory
    finally:
        subprocess.run(["umount", "--lazy", str(directory)], check=False)


def disk_full(scene: Scene) -> None:
    """Fill the disk that ClickHouse and the control store are on to the last byte, and make room again later."""
    ballast = (scene.stack.settings.data_dir / "clickhouse").resolve().parent / "ballast"
    try:
        with ballast.open("wb") as file:
            _fill(file.fileno())
        scene.sleep(DISK_FULL_S)
    finally:
        ballast.unlink(missing_ok=True)


def _fill(descriptor: int) -> None:
    piece = bytes(1 << 20)
    while piece:
        try:
            os.write(descriptor, piece)
        except OSError:  # full for this much
            piece = piece[: len(piece) // 2]


# ---- clocks ----------------------------------------------------------------------------------------------------------


def faketime() -> Path:
    """Return the library that shifts the clock of a process.

    Raises
    ------
    NotPossibleError
        If it is not on this machine.
    """
    listed = subprocess.run(["ldconfig", "-p"], capture_output=True, text=True, check=False).stdout
    found = [Path(line.rpartition(" => ")[2]) for line in listed.splitlines() if "libfaketime" in line]
    given = [Path(folder) for folder in os.environ.get("LD_LIBRARY_PATH", "").split(":") if folder]
    usual = [Path("/usr/lib"), Path("/usr/local/lib"), *Path("/usr/lib").glob("*-linux-gnu")]
    folders = [*given, *(folder / "faketime" for folder in usual)]
    found += [folder / name for name in _FAKETIME for folder in folders]
    for path in found:
        if path.exists():
            return path
    message = "libfaketime is not on this machine (package libfaketime of Debian and Ubuntu)"
    raise NotPossibleError(message)


def clocks_shifted(scene: Scene) -> None:
    """Replace the scorers by one whose clock is two hours fast and one whose clock is two hours slow, and back."""
    library = str(faketime())
    for hours, number in ((2, 0), (-2, 1)):
        scene.scorers.stop(number)
        shifted = {
            "LD_PRELOAD": library,
            "FAKETIME": f"{hours:+d}h",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
            "DONT_FAKE_MONOTONIC": "1",
        }
        scene.scorers.start(number, env=shifted)
    scene.wait_until_shared("scorer-0", "scorer-1")
    scene.sleep(CLOCK_S)
    for number in (0, 1):
        scene.scorers.stop(number)
        scene.scorers.start(number)
    scene.wait_until_shared("scorer-0", "scorer-1")
