"""How fast the recorder's own work is: ``python tests/streams/bench_recorder.py [ROWS]``.

Decodes single signals and inserts them into an embedded ClickHouse, without Kafka, and prints rows per second and
processor microseconds per row of each stage.
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from connectors.clickhouse import Sink, client, migrate
from connectors.clickhouse.schema import SIGNALS
from connectors.embedded import ClickHouseServer, free_port
from connectors.kafka import partition_of
from connectors.kafka.connection import Connection
from connectors.models import Signal
from streams.recording import Batch, Reader
from streams.runtime import Endpoints

PARTITIONS, ENTERPRISES, BLOCK = 16, 1_000, 50_000
START = datetime(2026, 1, 1, tzinfo=UTC)


@dataclass(slots=True)
class Record:
    topic: str
    partition: int
    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None


def records(count: int) -> Iterator[Record]:
    for n in range(count):
        enterprise, day = f"E{n % ENTERPRISES}", START + timedelta(days=n // ENTERPRISES % 300)
        signal = Signal(
            enterprise_id=enterprise,
            family="electricity",
            metric="daily_kwh",
            value=100 + n % 77 * 1.1,
            unit="kWh",
            event_time=day,
            published_at=day + timedelta(days=1),
            source="grid",
            source_id=f"{enterprise}:{n // ENTERPRISES}",
        )
        time_ms = round((day + timedelta(days=1)).timestamp() * 1000)
        partition = partition_of(enterprise, PARTITIONS)
        yield Record("signals.electricity", partition, n, time_ms, enterprise.encode(), signal.wire())


@contextmanager
def measured(report: dict[str, dict[str, float]], stage: str, count: int) -> Iterator[None]:
    wall, cpu = time.perf_counter(), time.process_time()
    yield
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    report[stage] = {"rows_per_s": round(count / wall), "cpu_us_per_row": round(cpu / count * 1e6, 2)}


def bench_recorder(count: int, connect: Callable[[], Sink]) -> dict[str, dict[str, float]]:
    """Return rows per second and processor time per row of decoding and of inserting."""
    made, reader, report, batches = (
        list(records(count)),
        Reader(PARTITIONS),
        dict[str, dict[str, float]](),
        list[Batch](),
    )
    with measured(report, "decode", count):
        for first in range(0, count, BLOCK):
            batches.append(Batch())
            for record in made[first : first + BLOCK]:
                reader.read(record, batches[-1])
    sink = connect()
    with measured(report, "insert", count):
        for batch in batches:
            sink.insert(SIGNALS, batch.rows["signals"])
    sink.close()
    return report


def main() -> None:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 200_000
    with tempfile.TemporaryDirectory() as directory, ClickHouseServer(Path(directory), free_port(), "bench") as server:
        place = Endpoints(Connection(""), server.url, server.user, server.password, "bench", "", False, False)
        connection = client(place, database="")
        migrate(connection, "bench", {})
        report = bench_recorder(count, lambda: Sink(lambda: client(place)))
        stored = connection.command("SELECT count() FROM signals FINAL")
        connection.close()
    print(json.dumps({**report, "stored": stored}))


if __name__ == "__main__":
    main()
