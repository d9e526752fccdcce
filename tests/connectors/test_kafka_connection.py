"""How clients are told to reach a Kafka, and which settings of it contradict each other."""

from __future__ import annotations

import ssl
from pathlib import Path

import pytest
import trustme
from pydantic import ValidationError

from connectors.kafka.connection import Connection
from connectors.tls import SYSTEM, Certificates, client_context
from streams.settings import Settings

SECRET = "hunter2-secret"


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    directory = tmp_path_factory.mktemp("certificates")
    authority = trustme.CA()
    issued = authority.issue_cert("forewarn@example.com")
    names = ("ca", "both", "cert", "key", "rubbish", "locked")
    paths = {name: directory / f"{name}.pem" for name in names}
    authority.cert_pem.write_to_path(paths["ca"])
    issued.private_key_and_cert_chain_pem.write_to_path(paths["both"])
    issued.cert_chain_pems[0].write_to_path(paths["cert"])
    issued.private_key_pem.write_to_path(paths["key"])
    paths["rubbish"].write_text("no certificate")
    locked = b"-----BEGIN ENCRYPTED PRIVATE KEY-----\nMIGbMFcGCSqGSIb3DQEFDTBK\n-----END ENCRYPTED PRIVATE KEY-----\n"
    paths["locked"].write_bytes(locked)
    return paths


def secured(files: dict[str, Path]) -> Connection:
    return Connection("a:9093, b:9093", "sasl_ssl", Certificates(files["ca"]), username="u", password=SECRET)


def test_certificates_and_host_names_are_checked_by_every_client(files: dict[str, Path]) -> None:
    connection = secured(files)
    for arguments in (connection.aiokafka(), connection.kafka_python()):
        assert arguments["bootstrap_servers"] == ["a:9093", "b:9093"]
        assert arguments["security_protocol"] == "SASL_SSL"
        assert arguments["ssl_context"].verify_mode == ssl.CERT_REQUIRED
        assert arguments["ssl_context"].check_hostname
        assert arguments["ssl_context"].minimum_version >= ssl.TLSVersion.TLSv1_2
    credentials = connection.faust()
    assert credentials is not None
    assert credentials.protocol.value == "SASL_SSL"


def test_only_the_named_authority_is_trusted(files: dict[str, Path]) -> None:
    assert len(client_context(Certificates(files["ca"]), "KAFKA").get_ca_certs()) == 1


def test_the_password_is_in_no_text(files: dict[str, Path]) -> None:
    connection = secured(files)
    assert SECRET not in f"{connection} {connection!r} {connection.faust()!r}"


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"security": "sasl_ssl", "username": "u"}, "needs FOREWARN_KAFKA_USERNAME and FOREWARN_KAFKA_PASSWORD"),
        ({"security": "ssl", "username": "u", "password": SECRET}, "set it to sasl_ssl, or remove them"),
        ({"username": "u", "password": SECRET}, "FOREWARN_KAFKA_SECURITY=plaintext"),
        ({"certificates": Certificates(Path("ca.pem"))}, "encrypts nothing"),
        (
            {"security": "sasl_plaintext", "mechanism": "PLAIN", "username": "u", "password": SECRET},
            "readable by anybody on the way",
        ),
    ],
)
def test_settings_that_do_not_fit_each_other_are_refused(given: dict[str, str], told: str) -> None:
    with pytest.raises(ValueError, match=told) as refused:
        Connection("kafka:9093", **given)  # type: ignore[arg-type]
    assert SECRET not in str(refused.value)


@pytest.mark.parametrize(
    ("ca", "cert", "key", "told"),
    [
        ("missing", None, None, "KAFKA_CA: .*No such file"),
        ("rubbish", None, None, "KAFKA_CA: .*no file of certificates"),
        (None, "rubbish", None, "KAFKA_CLIENT_CERT, .*hold no certificate with its key"),
        (None, "cert", None, "KAFKA_CLIENT_CERT, .*hold no certificate with its key"),
        (None, None, "key", "KAFKA_CLIENT_KEY .*set both"),
        (None, "cert", "locked", "KAFKA_CLIENT_KEY: .*without a password"),
    ],
)
def test_files_that_are_of_no_use_are_told_by_their_setting(
    files: dict[str, Path], ca: str | None, cert: str | None, key: str | None, told: str
) -> None:
    chosen = [None if name is None else files.get(name, Path("/nowhere.pem")) for name in (ca, cert, key)]
    with pytest.raises(ValueError, match=told):
        client_context(Certificates(*chosen), "KAFKA")


def test_a_certificate_comes_with_its_key_in_one_file_or_two(files: dict[str, Path]) -> None:
    client_context(Certificates(files["ca"], files["both"]), "KAFKA")
    client_context(Certificates(files["ca"], files["cert"], files["key"]), "KAFKA")


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"kafka_security": "ssl"}, "needs FOREWARN_KAFKA_BOOTSTRAP"),
        ({"kafka_bootstrap": "k:1", "kafka_security": "ssl", "kafka_ca": "/nowhere.pem"}, "FOREWARN_KAFKA_CA"),
        ({"clickhouse_url": "http://c:8123", "clickhouse_ca": "/nowhere.pem"}, "FOREWARN_CLICKHOUSE_URL=https"),
        ({"clickhouse_url": "https://c:8443", "clickhouse_ca": "/nowhere.pem"}, "FOREWARN_CLICKHOUSE_CA: /nowhere.pem"),
    ],
)
def test_settings_are_refused_before_anything_starts(given: dict[str, str], told: str) -> None:
    with pytest.raises(ValidationError, match=told):
        Settings(**given)  # type: ignore[arg-type]  # pydantic reads texts


def test_an_empty_variable_is_no_file(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FOREWARN_CLICKHOUSE_CA", "")
    assert Settings().clickhouse_certificates == SYSTEM
