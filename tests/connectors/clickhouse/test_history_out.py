"""The queries of docs/upgrade.md: what they give can be ingested, and is the history that was stored."""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from clickhouse_connect.driver.client import Client

from connectors.clickhouse import TABLE_OF, Sink, client
from connectors.contract import Rejected
from connectors.embedded import ClickHouseServer
from connectors.examples import EXAMPLES
from connectors.files import FileSource
from connectors.files.source import Format
from connectors.models import Enterprise, Message, Signal
from connectors.recordtime import topic_of
from streams.recording import Row
from streams.runtime import Endpoints

pytestmark = pytest.mark.stack

ROOT = Path(__file__).parents[3]
REGISTRY, SIGNALS = re.findall(r"```sql\n(.*?)```", (ROOT / "docs" / "upgrade.md").read_text("utf-8"), re.DOTALL)


def examples(name: str, model: type[Message]) -> list[Any]:
    return [model.model_validate_json(json.dumps(given)) for given in EXAMPLES[name]]


@pytest.fixture
def stored(warehouse: Endpoints) -> list[Signal | Enterprise]:
    """Signals and registry entries in ClickHouse, inserted twice."""
    kept = [*examples("enterprise", Enterprise), *examples("signal", Signal)]
    offsets = itertools.count()
    rows = [Row(message, topic_of(message), 0, next(offsets), 0, 1_770_000_000_000) for message in kept]
    sink = Sink(lambda: client(warehouse))
    for _ in range(2):
        for topic, group in itertools.groupby(rows, key=lambda row: row.topic):
            sink.insert(TABLE_OF[topic], list(group))
    sink.close()
    return kept


def ingested(connection: Client, question: str, path: Path, form: Format, **options: Any) -> Iterator[Any]:
    with connection.raw_stream(question, fmt="CSVWithNames") as stream:
        path.write_bytes(stream.read())
    source = FileSource(path, format=form, **options)
    for batch in source.read(""):
        for item in batch.items:
            assert not isinstance(item, Rejected), item
            yield item


@pytest.fixture
def reader(warehouse: Endpoints, clickhouse: ClickHouseServer) -> Iterator[Client]:
    """Who `forewarn sql` is."""
    who = replace(warehouse, clickhouse_user="reader", clickhouse_password=clickhouse.reader_password)
    connection = client(who)
    yield connection
    connection.close()


def test_the_history_can_be_taken_out_and_fed_again(
    stored: list[Signal | Enterprise], reader: Client, tmp_path: Path
) -> None:
    signals = {(s.source, s.source_id): s for s in stored if isinstance(s, Signal)}
    seen = list(ingested(reader, SIGNALS, tmp_path / "signals.csv", "long", backfill=True))
    assert len(seen) == len(signals)
    for signal in seen:
        original = signals[signal.source, signal.source_id]
        assert signal == original.model_copy(update={"backfill": True, "attributes": {}})
    enterprises = {e.enterprise_id: e for e in stored if isinstance(e, Enterprise)}
    entries = list(ingested(reader, REGISTRY, tmp_path / "registry.csv", "registry", name="r"))
    assert len(entries) == len(enterprises)
    for entry in entries:
        original_entry = enterprises[entry.enterprise_id]
        ids = {"source": entry.source, "source_id": entry.source_id}
        assert entry == original_entry.model_copy(update=ids)
