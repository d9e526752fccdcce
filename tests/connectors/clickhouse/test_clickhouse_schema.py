"""Tables, columns and blocks, without a server."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any, get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel

from connectors.clickhouse import TABLE_OF, TABLES, Table
from connectors.clickhouse.columns import EARLIEST_MS, INT, LATEST_MS, TIME, quoted
from connectors.examples import EXAMPLES
from connectors.models import MESSAGES, Message
from connectors.topics import INPUTS, JOURNAL, OUTPUTS, STATE

PLACE = {"topic": "t", "partition": 3, "offset": 17, "index": 2, "time": 1_700_000_000_123, "flags": ("odd",)}
NAME_OF = {model: name for name, model in MESSAGES.items()}


def recorded(message: Message) -> Any:
    return SimpleNamespace(message=message, **PLACE)


def examples(table: Table) -> list[Message]:
    return [table.model.model_validate_json(json.dumps(example)) for example in EXAMPLES[NAME_OF[table.model]]]


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.name)
def test_every_field_of_its_message_is_stored(table: Table) -> None:
    stored = {column.of.split(".")[1] for column in table.stored if column.of.startswith("message.")}
    assert stored == set(table.model.model_fields)


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.name)
def test_every_field_of_nested_messages_is_stored(table: Table) -> None:
    for name, field in table.model.model_fields.items():
        for nested in (a for a in get_args(field.annotation) if isinstance(a, type) and issubclass(a, BaseModel)):
            columns = [column for column in table.stored if column.of == f"message.{name}"]
            for inner in set(nested.model_fields) - {"v"}:
                wanted = {"index": "idx"}.get(inner, inner)
                assert any(
                    f"{wanted} " in column.type.sql or column.name.endswith(f"_{wanted}") for column in columns
                ), f"{table.name}.{name}.{inner}"


def test_every_topic_with_messages_has_a_table() -> None:
    assert (set(INPUTS) | set(OUTPUTS)) - {JOURNAL, STATE} <= set(TABLE_OF)
    assert {table.model for table in TABLES} == set(MESSAGES.values())


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.name)
def test_columns_are_documented_unique_and_traceable(table: Table) -> None:
    names = [column.name for column in table.columns]
    assert len(names) == len(set(names))
    assert {"topic", "partition", "offset", "idx", "record_time"} <= set(names)
    assert set(table.order_by) | {table.moment} <= set(names)
    assert all(column.comment.endswith(".") for column in table.columns)
    assert all(bool(column.of) != bool(column.default) for column in table.columns)


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.name)
def test_a_block_has_a_row_for_each_message(table: Table) -> None:
    messages = examples(table)
    block = table.block([recorded(message) for message in messages])
    assert block.num_rows == len(messages)
    assert block.column("offset").to_pylist() == [17] * len(messages)
    assert block.column("record_time").to_pylist()[0] == datetime(2023, 11, 14, 22, 13, 20, 123_000, UTC)


def test_an_empty_block_keeps_its_columns() -> None:
    for table in TABLES:
        block = table.block([])
        assert block.num_rows == 0
        assert block.column_names == [column.name for column in table.stored]


@settings(deadline=None, max_examples=200)
@given(st.lists(st.none() | st.datetimes(datetime(1901, 1, 1), datetime(2298, 1, 1)), min_size=1, max_size=5))  # noqa: DTZ001
def test_times_are_rounded_as_the_engine_rounds_them(naive: list[datetime | None]) -> None:
    moments = [when and when.replace(tzinfo=UTC) for when in naive]
    found = TIME.array(moments).cast("int64").to_pylist()
    for when, ms in zip(moments, found, strict=True):
        if when is None:
            assert ms is None
        else:
            micros = (when - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)
            assert ms in (micros // 1000, -(-micros // 1000))
            assert abs(ms * 1000 - micros) <= 500


def test_what_a_column_cannot_hold_becomes_the_nearest_that_it_can() -> None:
    early, late = datetime(1, 1, 1, tzinfo=UTC), datetime(9999, 12, 31, tzinfo=UTC)
    assert TIME.array([early, None, late]).cast("int64").to_pylist() == [EARLIEST_MS, None, LATEST_MS]
    assert INT.array([10**30, None, -(10**30), 5]).to_pylist() == [2**63 - 1, None, -(2**63), 5]


def test_comments_are_quoted() -> None:
    assert quoted("a'b\\c") == "'a\\'b\\\\c'"
