"""The connection to ClickHouse over HTTP, the embedded one and a real one alike."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol
from urllib.parse import urlsplit

import clickhouse_connect
from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import ClickHouseError, DatabaseError

#: Codes of ClickHouse for "who are you" and "you may not".
ACCESS_CODES = frozenset({192, 193, 194, 497, 516})
UNKNOWN_DATABASE = 81


class Server(Protocol):
    """Where a ClickHouse is and who we are there: ``streams.runtime.Endpoints`` fits."""

    @property
    def clickhouse_url(self) -> str:
        """Where it is: http(s)://host:port."""
        ...

    @property
    def clickhouse_user(self) -> str:
        """As whom."""
        ...

    @property
    def clickhouse_password(self) -> str:
        """With which password."""
        ...

    @property
    def clickhouse_database(self) -> str:
        """Name of the database that holds our tables."""
        ...


class UnavailableError(Exception):
    """ClickHouse does not answer: wait and try again."""


class AccessError(Exception):
    """ClickHouse refuses the user, the password or what was asked: waiting does not help."""


class MissingSchemaError(Exception):
    """The database, a table or a column is not there: run ``forewarn migrate``."""


def client(
    server: Server,
    *,
    database: str | None = None,
    connect_timeout_s: int = 5,
    timeout_s: int = 120,
    settings: Mapping[str, Any] | None = None,
) -> Client:
    """Connect.

    The client keeps no session, so that several threads may use it at once. Times come back as aware datetimes.

    Parameters
    ----------
    server
        Where and as whom; an ``https`` address makes it TLS, with the certificate checked.
    database
        Another one than the server's ``clickhouse_database``; empty for none, before ours exists.
    connect_timeout_s, timeout_s
        Longest waits for the connection and for one answer. Seconds.
    settings
        Settings of ClickHouse for every query.

    Raises
    ------
    UnavailableError
        If there is no answer.
    AccessError
        If user or password are wrong.
    MissingSchemaError
        If the database does not exist.
    """
    address = urlsplit(server.clickhouse_url)
    if address.scheme not in ("http", "https") or not address.hostname:
        message = "FOREWARN_CLICKHOUSE_URL: expected http://host:port or https://host:port"
        raise ValueError(message)
    secure = address.scheme == "https"
    place = f"{address.scheme}://{address.hostname}:{address.port or (8443 if secure else 8123)}"
    wanted = server.clickhouse_database if database is None else database
    try:
        return clickhouse_connect.get_client(
            host=address.hostname,
            port=address.port or (8443 if secure else 8123),
            secure=secure,
            proxy_path=address.path.strip("/"),
            username=server.clickhouse_user,
            password=server.clickhouse_password,
            database=wanted or "default",
            connect_timeout=connect_timeout_s,
            send_receive_timeout=timeout_s,
            query_retries=0,  # whoever asks decides about retries
            autogenerate_session_id=False,
            tz_mode="aware",
            client_name="forewarn",
            settings=dict(settings or {}),
        )
    except DatabaseError as error:
        if error.code in ACCESS_CODES:
            message = (
                f"ClickHouse at {place} refuses user {server.clickhouse_user!r}: "
                "check FOREWARN_CLICKHOUSE_USER and FOREWARN_CLICKHOUSE_PASSWORD"
            )
            raise AccessError(message) from None
        if error.code == UNKNOWN_DATABASE:
            message = f"ClickHouse at {place} has no database {wanted}: run `forewarn migrate`"
            raise MissingSchemaError(message) from None
        message = f"ClickHouse at {place} does not answer: is it running? ({_short(error)})"
        raise UnavailableError(message) from error
    except (ClickHouseError, OSError) as error:
        message = f"ClickHouse at {place} does not answer: is it running? ({_short(error)})"
        raise UnavailableError(message) from error


def _short(error: BaseException) -> str:
    """Return what the operating system said, where an error of the HTTP library wraps it; else the error's text."""
    text = " ".join(str(error).split())[:200] or type(error).__name__
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, OSError) and (cause.strerror or isinstance(cause, TimeoutError)):
            text = cause.strerror or "timed out"
        cause = cause.__cause__ or cause.__context__
    return text
