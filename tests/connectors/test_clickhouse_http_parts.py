"""The parts of the embedded ClickHouse that need no engine."""

from __future__ import annotations

import gzip
import os
import zlib
from collections.abc import Callable

import lz4.frame  # type: ignore[import-untyped]
import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.embedded.clickhouse.auth import User, authenticate
from connectors.embedded.clickhouse.compression import decompress, encoder_for
from connectors.embedded.clickhouse.errors import DatabaseError
from connectors.embedded.clickhouse.statement import Insert, format_of, reads, split_insert

COMPRESS: dict[str, Callable[[bytes], bytes]] = {
    "gzip": gzip.compress,
    "deflate": zlib.compress,
    "lz4": lz4.frame.compress,
    "zstd": zstandard.ZstdCompressor().compress,
}


@pytest.mark.parametrize("encoding", COMPRESS)
@given(frames=st.lists(st.binary(max_size=20_000), min_size=1, max_size=5))
@settings(deadline=None, max_examples=30)
def test_all_frames_come_out(encoding: str, frames: list[bytes]) -> None:
    body = b"".join(COMPRESS[encoding](frame) for frame in frames)
    assert decompress(body, encoding, 200_000) == b"".join(frames)


@pytest.mark.parametrize("encoding", COMPRESS)
@given(content=st.binary(min_size=1, max_size=9_000), data=st.data())
@settings(deadline=None, max_examples=30)
def test_a_body_that_is_cut_short_is_refused(encoding: str, content: bytes, data: st.DataObject) -> None:
    body = COMPRESS[encoding](content)
    cut = data.draw(st.integers(1, len(body) - 1))
    with pytest.raises(DatabaseError) as caught:
        decompress(body[:cut], encoding, 10_000)
    assert caught.value.status == 400


@pytest.mark.parametrize("encoding", COMPRESS)
def test_a_bomb_is_refused_before_it_fills_the_memory(encoding: str) -> None:
    with pytest.raises(DatabaseError) as caught:
        decompress(COMPRESS[encoding](bytes(20 << 20)), encoding, 1 << 20)
    assert caught.value.status == 413


@pytest.mark.parametrize("encoding", COMPRESS)
def test_what_is_sent_can_be_read(encoding: str) -> None:
    pieces = [os.urandom(5), b"", bytes(100_000)]
    name, encoder = encoder_for(f"x, {encoding}")
    body = encoder.begin() + b"".join(encoder.compress(piece) for piece in pieces) + encoder.flush()
    assert name == encoding
    assert decompress(body, encoding, 1 << 20) == b"".join(pieces)


@pytest.mark.parametrize(
    ("statement", "body", "parts"),
    [
        (b"INSERT INTO d.t (a, b) FORMAT Native", b"\x01", Insert("INSERT INTO d.t (a, b)", "Native", b"\x01")),
        (
            b"",
            b"insert into t\n(a)\nformat JSONEachRow\n{}",
            Insert("insert into t\n(a)", "JSONEachRow", b"{}"),
        ),
        (b"INSERT INTO t SETTINGS a=1 FORMAT TSV;", b"1", Insert("INSERT INTO t SETTINGS a=1", "TSV", b"1")),
        (b"INSERT INTO t (format) FORMAT TSV", b"SELECT", Insert("INSERT INTO t (format)", "TSV", b"SELECT")),
        (b"INSERT INTO t SELECT 1 FORMAT TSV", b"", None),
        (b"INSERT INTO t VALUES ('FORMAT TSV\n')", b"", None),
        (b"INSERT INTO t (a) FORMAT TSV 1", b"", None),
        (b"SELECT 1 FORMAT TSV", b"", None),
    ],
)
def test_an_insert_is_told_from_its_data(statement: bytes, body: bytes, parts: Insert | None) -> None:
    assert split_insert(statement, body) == parts


@given(st.binary(max_size=300), st.binary(max_size=300))
@settings(deadline=None, max_examples=100)
def test_any_bytes_may_be_asked(statement: bytes, body: bytes) -> None:
    split_insert(statement, body)


@pytest.mark.parametrize(
    ("sql", "wanted"),
    [("SELECT 1 FORMAT CSV ;", "CSV"), ("SELECT 'FORMAT CSV'", None), ("SELECT 1 format Native\n", "Native")],
)
def test_the_format_is_read_from_the_end(sql: str, wanted: str | None) -> None:
    assert format_of(sql) == wanted


@pytest.mark.parametrize(
    ("sql", "expected"),
    [("/* a */ -- b\n (select 1)", True), ("FROM t SELECT 1", True), ("SELECTED", False), ("DROP TABLE t", False)],
)
def test_reading_statements(sql: str, expected: bool) -> None:
    assert reads(sql) is expected


USERS = [User("default", "one"), User("reader", "two", read_only=True)]


@pytest.mark.parametrize(
    ("headers", "query", "name"),
    [
        ({"Authorization": "Basic ZGVmYXVsdDpvbmU="}, {}, "default"),
        ({"Authorization": "basic cmVhZGVyOnR3bw=="}, {}, "reader"),
        ({"X-ClickHouse-User": "reader", "X-ClickHouse-Key": "two"}, {}, "reader"),
        ({"X-ClickHouse-Key": "one"}, {}, "default"),
        ({}, {"user": "reader", "password": "two"}, "reader"),
    ],
)
def test_users_are_known_by_password(headers: dict[str, str], query: dict[str, str], name: str) -> None:
    assert authenticate(USERS, headers, query).name == name


@given(st.text(max_size=20), st.text(max_size=20))
@settings(deadline=None, max_examples=100)
def test_nobody_else_gets_in(user: str, password: str) -> None:
    if (user or "default", password) in {(known.name, known.password) for known in USERS}:
        return
    with pytest.raises(DatabaseError) as caught:
        authenticate(USERS, {"X-ClickHouse-User": user, "X-ClickHouse-Key": password}, {})
    assert caught.value.status == 401
    assert "one" not in repr(USERS)
