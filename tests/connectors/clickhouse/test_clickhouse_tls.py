"""ClickHouse behind TLS: who is trusted, and who is not."""

from __future__ import annotations

import ssl
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
import trustme

from connectors.clickhouse import AccessError, UnavailableError, client
from connectors.embedded import ClickHouseServer
from connectors.embedded.ports import LOOPBACK
from connectors.tls import SYSTEM, Certificates
from streams.runtime import Endpoints
from tests.tls_proxy import tls_in_front

pytestmark = pytest.mark.stack


@dataclass(frozen=True)
class Secured:
    """A ClickHouse behind TLS that asks for a certificate, whom to trust, and a certificate that it takes."""

    place: Endpoints
    ca: Path
    own: Path
    stranger: Path


@pytest.fixture(scope="module")
def secured(
    clickhouse: ClickHouseServer, warehouse_at: Callable[[str], Endpoints], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Secured]:
    directory = tmp_path_factory.mktemp("certificates")
    authority, other = trustme.CA(), trustme.CA()
    ca, own, stranger = (directory / name for name in ("ca.pem", "own.pem", "stranger.pem"))
    authority.cert_pem.write_to_path(ca)
    other.cert_pem.write_to_path(stranger)
    authority.issue_cert("forewarn@example.com").private_key_and_cert_chain_pem.write_to_path(own)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert(LOOPBACK).configure_cert(context)
    authority.configure_trust(context)
    context.verify_mode = ssl.CERT_REQUIRED
    with tls_in_front(clickhouse.port, context) as port:
        place = replace(
            warehouse_at("default"),
            clickhouse_url=f"https://{LOOPBACK}:{port}",
            clickhouse_certificates=Certificates(ca, own),
        )
        yield Secured(place, ca, own, stranger)


def test_rows_go_in_and_come_out(secured: Secured) -> None:
    connection = client(secured.place)
    connection.command("CREATE TABLE tls (n UInt32) ENGINE = MergeTree ORDER BY n")
    try:
        connection.insert("tls", [[n] for n in range(1000)], ["n"])
        assert connection.query("SELECT sum(n) FROM tls").result_rows == [(499_500,)]
    finally:
        connection.command("DROP TABLE tls")
        connection.close()


def test_a_certificate_of_somebody_else_is_not_trusted(secured: Secured) -> None:
    with pytest.raises(AccessError, match=r"not vouched for by those in .*stranger\.pem.*FOREWARN_CLICKHOUSE_CA"):
        client(replace(secured.place, clickhouse_certificates=Certificates(secured.stranger, secured.own)))


def test_the_system_does_not_trust_it(secured: Secured) -> None:
    with pytest.raises(AccessError, match=r"whom this system trusts.*FOREWARN_CLICKHOUSE_CA"):
        client(replace(secured.place, clickhouse_certificates=SYSTEM))


def test_a_certificate_of_another_host_is_not_trusted(secured: Secured) -> None:
    url = secured.place.clickhouse_url.replace(LOOPBACK, "localhost")
    with pytest.raises(AccessError, match=r"another host.*FOREWARN_CLICKHOUSE_URL"):
        client(replace(secured.place, clickhouse_url=url))


def test_without_our_certificate_there_is_no_answer(secured: Secured) -> None:
    with pytest.raises(UnavailableError, match="FOREWARN_CLICKHOUSE_CLIENT_CERT"):
        client(replace(secured.place, clickhouse_certificates=Certificates(secured.ca)))
