"""The connection to ClickHouse over HTTP, the embedded one and a real one alike."""

from __future__ import annotations

import ssl
from collections.abc import Iterator, Mapping
from typing import Any, Protocol
from urllib.parse import urlsplit

import clickhouse_connect
from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import ClickHouseError, DatabaseError

from connectors.tls import Certificates, distrust

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

    @property
    def clickhouse_certificates(self) -> Certificates:
        """With TLS: whom we trust to be it, and our own certificate where it asks for one."""
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
        If user or password are wrong, or its certificate is not to be trusted.
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
            **_files(server.clickhouse_certificates),
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
        raise _unreached(error, place, server) from error
    except (ClickHouseError, OSError) as error:
        raise _unreached(error, place, server) from error


def _unreached(error: Exception, place: str, server: Server) -> AccessError | UnavailableError:
    for cause in _causes(error):
        if isinstance(cause, ssl.SSLCertVerificationError):
            shown = distrust(cause, server.clickhouse_certificates, "CLICKHOUSE")
            return AccessError(f"ClickHouse at {place} shows {shown}")
    asked = ""
    if place.startswith("https:") and server.clickhouse_certificates.cert is None:  # TLS 1.3 just hangs up
        asked = "; if it asks for a certificate, set FOREWARN_CLICKHOUSE_CLIENT_CERT"
    return UnavailableError(f"ClickHouse at {place} does not answer: is it running? ({_short(error)}){asked}")


def _files(certificates: Certificates) -> dict[str, Any]:
    named = {"ca_cert": certificates.ca, "client_cert": certificates.cert, "client_cert_key": certificates.key}
    given = {name: str(path) for name, path in named.items() if path is not None}
    # "strict": our certificate comes beside the password, not instead of it.
    return given | ({"tls_mode": "strict"} if certificates.cert is not None else {})


def _causes(error: BaseException) -> Iterator[BaseException]:
    cause: BaseException | None = error
    while cause is not None:
        yield cause
        cause = cause.__cause__ or cause.__context__


def _short(error: BaseException) -> str:
    """Return what the operating system said, where an error of the HTTP library wraps it; else the error's text."""
    text = " ".join(str(error).split())[:200] or type(error).__name__
    for cause in _causes(error):
        if isinstance(cause, OSError) and (cause.strerror or isinstance(cause, TimeoutError)):
            text = cause.strerror or "timed out"
    return text
