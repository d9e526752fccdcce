"""How fast the recorder is: ``python tests/streams/bench_recorder.py [--form json] [ROWS]``.

Fills a Kafka with readings, then lets ``forewarn recorder`` store them in an embedded ClickHouse, and prints rows per
second and the processor time per row of both processes, less what they need for a single block. What ClickHouse merges
until all is stored is in its figure.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from aiokafka import AIOKafkaProducer  # type: ignore[import-untyped]  # ships no types
from clickhouse_connect.driver.client import Client

from connectors.clickhouse import client, migrate
from connectors.compact import Block, as_items, encode
from connectors.embedded import ClickHouseServer, KafkaServer, free_port
from connectors.kafka import partition_of
from connectors.kafka.admin import ensure_topics
from connectors.kafka.connection import Connection
from connectors.topics import declared
from streams.runtime import Endpoints

PARTITIONS, ENTERPRISES, BLOCK = 16, 100_000, 500
START_MS, QUARTER_MS = 1_780_272_000_000, 900_000
TOPIC = "signals.electricity"
RECORDER = (sys.executable, "-P", "-c", "from streams.cli import main; main()", "recorder")


def blocks(rows: int) -> Iterator[tuple[int, Block]]:
    """Yield blocks of quarter-hours with their partition, all enterprises of one quarter before the next."""
    names = [f"91{n:06d}MA{n * 7919 % 10**8:08d}" for n in range(ENTERPRISES)]
    homes: list[list[str]] = [[] for _ in range(PARTITIONS)]
    for name in names:
        homes[partition_of(name, PARTITIONS)].append(name)
    random, made, quarter = np.random.default_rng(7), 0, 0
    while made < rows:
        at = START_MS + quarter * QUARTER_MS
        for first in range(0, max(map(len, homes)), BLOCK):
            for partition, home in enumerate(homes):
                chosen = home[first : first + BLOCK]
                if chosen and made < rows:
                    made += len(chosen)
                    values = random.normal(30, 5, len(chosen)).round(2)
                    yield (
                        partition,
                        Block("electricity", "kwh_15min", "kWh", "grid", chosen, values, at, at + QUARTER_MS),
                    )
        quarter += 1


async def fill(bootstrap: str, rows: int, form: str) -> int:
    """Send that many readings, and return how many records they are."""
    sent = 0
    async with AIOKafkaProducer(bootstrap_servers=bootstrap, linger_ms=20, max_batch_size=1_000_000) as producer:
        for partition, block in blocks(rows):
            values = [encode(block)] if form == "compact" else [json.dumps(item).encode() for item in as_items(block)]
            time_ms = int(block.times()[0]) + QUARTER_MS
            for value in values:
                await producer.send(TOPIC, value, partition=partition, timestamp_ms=time_ms)
            sent += len(values)
    return sent


def processor_s(pid: int) -> float:
    """Return how many seconds a process has computed."""
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def memory_mb(pid: int) -> int:
    """Return the most memory that a process has had."""
    (line,) = (line for line in Path(f"/proc/{pid}/status").read_text().splitlines() if line.startswith("VmHWM"))
    return int(line.split()[1]) // 1024


def stored(connection: Client) -> int:
    """Return how many rows there are."""
    return int(connection.query("SELECT count() FROM signals").result_rows[0][0])


def record(place: Endpoints, bootstrap: str, clickhouse_pid: int, rows: int, directory: Path) -> dict[str, Any]:
    """Run the recorder until so many rows are stored; return what that took."""
    variables = {
        "DATA_DIR": str(directory),
        "KAFKA_BOOTSTRAP": bootstrap,
        "CLICKHOUSE_URL": place.clickhouse_url,
        "CLICKHOUSE_USER": place.clickhouse_user,
        "CLICKHOUSE_PASSWORD": place.clickhouse_password,
        "CLICKHOUSE_DATABASE": place.clickhouse_database,
        "PARTITIONS": str(PARTITIONS),
        "STACK_TIME": "simulated",
    }
    connection = client(place)
    recorder = subprocess.Popen(
        RECORDER, env=os.environ | {f"FOREWARN_{name}": value for name, value in variables.items()}
    )
    try:
        began, before = time.perf_counter(), processor_s(clickhouse_pid)
        while stored(connection) < rows:
            time.sleep(0.5)  # each look costs ClickHouse some milliseconds
        return {
            "seconds": time.perf_counter() - began,
            "recorder_s": processor_s(recorder.pid),
            "clickhouse_s": processor_s(clickhouse_pid) - before,
            "recorder_mb": memory_mb(recorder.pid),
        }
    finally:
        connection.close()
        recorder.terminate()
        recorder.wait(30)


def main() -> None:
    """Measure."""
    asked = argparse.ArgumentParser()
    asked.add_argument("rows", nargs="?", type=int, default=2_000_000)
    asked.add_argument("--form", choices=("compact", "json"), default="compact")
    options = asked.parse_args()
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        with (
            ClickHouseServer(directory / "clickhouse", free_port(), "bench") as server,
            KafkaServer(directory / "kafka", free_port(), free_port()) as kafka,
        ):
            ensure_topics(Connection(kafka.bootstrap), declared(simulated=True), PARTITIONS)
            place = Endpoints(Connection(""), server.url, server.user, server.password, "bench", "", False, False)
            with client(place, database="") as connection:
                migrate(connection, "bench", {})
            asyncio.run(fill(kafka.bootstrap, 1, "compact"))
            start = record(place, kafka.bootstrap, server.pid or 0, 1, directory)
            asyncio.run(fill(kafka.bootstrap, options.rows, options.form))
            found = record(place, kafka.bootstrap, server.pid or 0, options.rows, directory)
    per_row = {
        "rows_per_s": round(options.rows / (found["seconds"] - start["seconds"])),
        "recorder_us_per_row": round((found["recorder_s"] - start["recorder_s"]) / options.rows * 1e6, 2),
        "clickhouse_us_per_row": round((found["clickhouse_s"] - start["clickhouse_s"]) / options.rows * 1e6, 2),
    }
    print(json.dumps({"form": options.form, "rows": options.rows, **per_row, "recorder_mb": found["recorder_mb"]}))


if __name__ == "__main__":
    main()
