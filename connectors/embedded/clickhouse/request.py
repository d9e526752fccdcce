"""One request of ClickHouse's HTTP interface, read and taken apart."""

from __future__ import annotations

import re
import uuid
from dataclasses import dataclass

from aiohttp import BodyPartReader, web

from connectors.embedded.clickhouse.compression import decompress
from connectors.embedded.clickhouse.errors import BAD_ARGUMENTS, TOO_MANY_BYTES, UNSUPPORTED, DatabaseError

#: Parameters of the URL that are about the transport; all others are settings of the query.
_TRANSPORT = frozenset(
    {
        "buffer_size",
        "cancel_http_readonly_queries_on_client_close",
        "client_protocol_version",
        "close_session",
        "compress",
        "database",
        "decompress",
        "default_format",
        "enable_http_compression",
        "http_headers_progress_interval_ms",
        "password",
        "query",
        "query_id",
        "quota_key",
        "role",
        "send_progress_in_http_headers",
        "session_check",
        "session_id",
        "session_timeout",
        "stacktrace",
        "user",
        "wait_end_of_query",
    }
)
_SETTING = re.compile(r"[A-Za-z_]\w*")
_DEFAULT_SESSION_S = 60
_LONGEST_SESSION_S = 3600


@dataclass(frozen=True, slots=True)
class Session:
    """Which session a request belongs to."""

    id: str
    timeout_s: float
    must_exist: bool
    close: bool


@dataclass(frozen=True, slots=True)
class Request:
    """What a client asks for.

    Parameters
    ----------
    statement
        The URL's ``query``; may be empty.
    body
        The rest, decompressed: data, or the statement itself.
    output
        Format that the URL or a header asks for, for statements that name none.
    accepted
        Encodings for the answer, as the header has them.
    """

    query_id: str
    statement: bytes
    body: bytes
    database: str
    settings: dict[str, str]
    parameters: dict[str, str]
    output: str
    session: Session | None
    get: bool
    whole: bool
    accepted: str
    protocol: int

    @property
    def text(self) -> bytes:
        """The statement and what belongs to it."""
        return b"\n".join(part for part in (self.statement, self.body) if part)


async def read(request: web.Request, limit: int) -> Request:
    """Read a request.

    Parameters
    ----------
    request
        As it comes.
    limit
        Most bytes of a body, compressed or not.

    Raises
    ------
    DatabaseError
        If it is too large, damaged, or asks for something that is not offered.
    """
    url = dict(request.query)
    body = await _body(request, url, limit)
    if url.get("decompress", "0") == "1" or url.get("compress", "0") == "1":
        raise DatabaseError(UNSUPPORTED, "ClickHouse's own compression is not offered: use Content-Encoding.")
    headers = request.headers
    compress = url.get("enable_http_compression", "1") == "1"
    return Request(
        query_id=url.get("query_id") or str(uuid.uuid4()),
        statement=url.get("query", "").strip().encode(),
        body=body,
        database=url.get("database") or headers.get("X-ClickHouse-Database") or "default",
        settings={name: value for name, value in url.items() if _is_setting(name)},
        parameters={name.removeprefix("param_"): value for name, value in url.items() if name.startswith("param_")},
        output=url.get("default_format") or headers.get("X-ClickHouse-Format") or "TabSeparated",
        session=_session(url),
        get=request.method in ("GET", "HEAD"),
        whole=url.get("wait_end_of_query") == "1",
        accepted=headers.get("Accept-Encoding", "") if compress else "",
        protocol=_number(url, "client_protocol_version", 0),
    )


async def _body(request: web.Request, url: dict[str, str], limit: int) -> bytes:
    if request.content_type == "multipart/form-data":
        return await _form(request, url, limit)
    body = bytearray()
    async for piece in request.content.iter_any():
        body += piece
        if len(body) > limit:
            raise _too_large(limit)
    return decompress(bytes(body), request.headers.get("Content-Encoding", ""), limit)


async def _form(request: web.Request, url: dict[str, str], limit: int) -> bytes:
    """Take bound parameters from a form into the URL's; the statement is one of its fields, too."""
    left = limit
    statement = b""
    async for part in await request.multipart():
        if not isinstance(part, BodyPartReader) or part.filename is not None or part.name is None:
            raise DatabaseError(UNSUPPORTED, "External tables are not offered: insert into a table first.")
        content = bytearray()
        while piece := await part.read_chunk():
            content += piece
            left -= len(piece)
            if left < 0:
                raise _too_large(limit)
        if part.name == "query":
            statement = bytes(content)
        else:
            url[part.name] = _text(part.name, bytes(content))
    return statement


def _text(name: str, content: bytes) -> str:
    try:
        return content.decode()
    except UnicodeDecodeError:
        raise DatabaseError(BAD_ARGUMENTS, f"{name} is not UTF-8.") from None


def _session(url: dict[str, str]) -> Session | None:
    if not url.get("session_id"):
        return None
    return Session(
        url["session_id"],
        min(max(1, _number(url, "session_timeout", _DEFAULT_SESSION_S)), _LONGEST_SESSION_S),
        url.get("session_check") == "1",
        url.get("close_session") == "1",
    )


def _number(url: dict[str, str], name: str, default: int) -> int:
    try:
        return int(url.get(name, default))
    except ValueError:
        raise DatabaseError(BAD_ARGUMENTS, f"{name} is not a number.") from None


def _is_setting(name: str) -> bool:
    return name not in _TRANSPORT and not name.startswith("param_") and _SETTING.fullmatch(name) is not None


def _too_large(limit: int) -> DatabaseError:
    return DatabaseError(TOO_MANY_BYTES, f"The request is larger than {limit} bytes. (TOO_MANY_BYTES)")
