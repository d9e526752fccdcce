"""docs/analyst.md tells the truth: each of its queries runs, as a reader, and each table and view is in it."""

from __future__ import annotations

import dataclasses
import itertools
import json
import re
from pathlib import Path
from typing import Any

import pytest

from connectors.clickhouse import TABLES, VIEWS, Sink, client
from connectors.embedded import ClickHouseServer
from connectors.examples import EXAMPLES
from connectors.models import MESSAGES
from streams.recording import Row
from streams.runtime import Endpoints

TEXT = (Path(__file__).parents[3] / "docs" / "analyst.md").read_text(encoding="utf-8")
QUERIES = re.findall(r"```sql\n(.*?)```", TEXT, re.DOTALL)
NAME_OF = {model: name for name, model in MESSAGES.items()}


@pytest.mark.parametrize("name", [table.name for table in TABLES] + [view.name for view in VIEWS])
def test_it_names_every_table_and_view(name: str) -> None:
    assert re.search(rf"`{name}[`(]", TEXT)


@pytest.fixture
def reader(warehouse: Endpoints, clickhouse: ClickHouseServer) -> Any:
    sink, offsets = Sink(lambda: client(warehouse)), itertools.count()
    for table in TABLES:
        messages = [table.model.model_validate_json(json.dumps(e)) for e in EXAMPLES[NAME_OF[table.model]]]
        sink.insert(table, [Row(m, table.topics[0], 7, next(offsets), 0, 1_780_000_000_000) for m in messages])
    sink.close()
    connection = client(
        dataclasses.replace(warehouse, clickhouse_user="reader", clickhouse_password=clickhouse.reader_password)
    )
    yield connection
    connection.close()


@pytest.mark.stack
def test_every_query_runs_and_finds_something_as_a_reader(reader: Any) -> None:
    empty = [query for query in QUERIES if not reader.query(query).result_rows]
    # No example is of a closed alert, of the evidence's own offset, from before the moment that is asked about, or of
    # a quarter of an hour.
    assert len(QUERIES) >= 10
    assert [
        query for query in empty if not re.search(r"WHERE closed|arrayJoin|as_known_at|metrics_hourly", query)
    ] == []
