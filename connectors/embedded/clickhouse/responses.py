"""Answers: headers, summaries, errors."""

from __future__ import annotations

import json

from aiohttp import web

from connectors.embedded.clickhouse.engine import Result
from connectors.embedded.clickhouse.errors import DatabaseError

_BINARY = ("Native", "RowBinary", "Arrow", "Parquet", "ORC", "Avro", "MsgPack", "Npy")


def content_type(output: str) -> str:
    """Return the media type of a format.

    Examples
    --------
    >>> content_type("JSONEachRow"), content_type("CSVWithNames")
    ('application/json; charset=UTF-8', 'text/csv; charset=UTF-8')
    """
    if output.startswith("JSON"):
        return "application/json; charset=UTF-8"
    if output.startswith("CSV"):
        return "text/csv; charset=UTF-8"
    if output.startswith(_BINARY):
        return "application/octet-stream"
    if output.startswith(("TSV", "TabSeparated")):
        return "text/tab-separated-values; charset=UTF-8"
    return "text/plain; charset=UTF-8"


def summary(result: Result) -> str:
    """Return the ``X-ClickHouse-Summary`` of a finished statement; ``written_rows`` is what the sender checks."""
    return json.dumps(
        {
            "read_rows": str(result.rows_read),
            "read_bytes": str(result.bytes_read),
            "written_rows": str(result.rows_written),
            "written_bytes": str(result.bytes_written),
            "total_rows_to_read": "0",
            "result_rows": str(result.rows_written),
            "result_bytes": str(len(result.data)),
            "elapsed_ns": str(int(result.elapsed_s * 1e9)),
        }
    )


def failure(error: DatabaseError, version: str, headers: dict[str, str]) -> web.Response:
    """Return the answer to a request that failed before anything was sent."""
    return web.Response(
        status=error.status,
        text=f"{error} (version {version})\n",
        headers={**headers, "X-ClickHouse-Exception-Code": str(error.code)},
    )


def late_failure(error: DatabaseError, tag: str) -> bytes:
    r"""Return what stands at the end of a stream that failed after it had begun.

    Examples
    --------
    >>> late_failure(DatabaseError(241, "Memory limit exceeded"), "ab")
    b'\r\n__exception__\r\nab\r\nCode: 241. DB::Exception: Memory limit exceeded\n47 ab\r\n__exception__\r\n'
    """
    message = str(error).encode() + b"\n"
    return b"\r\n__exception__\r\n%b\r\n%b%d %b\r\n__exception__\r\n" % (
        tag.encode(),
        message,
        len(message) - 1,
        tag.encode(),
    )


def greeting(version: str, timezone: str) -> bytes:
    """Return the first answer that clickhouse-go (Grafana) expects, in ClickHouse's native format of revision 54460.

    It says revision 0, so that the client reads all later blocks in the plain form.
    """
    columns = (
        (b"displayName()", b"String", _string(b"chdb")),
        (b"version()", b"String", _string(version.encode())),
        (b"revision()", b"UInt32", bytes(4)),
        (b"timezone()", b"String", _string(timezone.encode())),
    )
    info = b"\x01\x00\x02\xff\xff\xff\xff\x00"
    counts = bytes((len(columns), 1))
    return info + counts + b"".join(_string(name) + _string(kind) + b"\0" + value for name, kind, value in columns)


def _string(text: bytes) -> bytes:
    return bytes((len(text),)) + text  # shorter than 128 bytes, so that its length is one byte
