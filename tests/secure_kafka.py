"""A Kafka that only talks TLS to clients who prove who they are, and the certificates for it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import trustme
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

from connectors.embedded import KafkaServer
from connectors.embedded.ports import LOOPBACK
from connectors.kafka.connection import Connection
from connectors.tls import Certificates

USER, PASSWORD = "forewarn", "c0rrect-horse"


class SecureKafka(KafkaServer):
    """A broker with SASL_SSL and SCRAM-SHA-512, and nothing else, for clients and for itself.

    Parameters
    ----------
    data_dir
        Its directory; the certificates are in ``ca.pem``, ``broker.pem`` (with its key).
    port
        Where clients connect; its controller takes the next one.
    """

    def __init__(self, data_dir: Path, port: int) -> None:
        super().__init__(data_dir, port, heap="256m")
        data_dir.mkdir(parents=True, exist_ok=True)
        authority = trustme.CA()
        self.ca = data_dir / "ca.pem"
        authority.cert_pem.write_to_path(self.ca)
        self._own = data_dir / "broker.pem"
        issued = authority.issue_cert(LOOPBACK)
        chain = b"".join(certificate.bytes() for certificate in issued.cert_chain_pems)
        self._own.write_bytes(_pkcs8(issued.private_key_pem.bytes()) + chain)

    @property
    def connection(self) -> Connection:
        return Connection(self.bootstrap, "sasl_ssl", Certificates(self.ca), username=USER, password=PASSWORD)

    def properties(self) -> str:
        plain = super().properties().replace("PLAINTEXT://", "SASL_SSL://")
        login = "org.apache.kafka.common.security.scram.ScramLoginModule"
        return plain + "\n".join(
            [
                "listener.security.protocol.map=SASL_SSL:SASL_SSL,CONTROLLER:PLAINTEXT",
                "inter.broker.listener.name=SASL_SSL",
                "sasl.enabled.mechanisms=SCRAM-SHA-512",
                "sasl.mechanism.inter.broker.protocol=SCRAM-SHA-512",
                f'listener.name.sasl_ssl.scram-sha-512.sasl.jaas.config={login} required username="{USER}" '
                f'password="{PASSWORD}";',
                "ssl.keystore.type=PEM",
                f"ssl.keystore.location={self._own}",
                "ssl.truststore.type=PEM",
                f"ssl.truststore.location={self.ca}",
                "",
            ]
        )

    def format_arguments(self) -> list[str]:
        user = f"SCRAM-SHA-512=[name={USER},password={PASSWORD}]"
        return [*super().format_arguments(), "--add-scram", user]


def _pkcs8(key: bytes) -> bytes:
    """Return a private key in the only form that Java reads."""
    return load_pem_private_key(key, None).private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def with_password(kafka: SecureKafka, password: str) -> Connection:
    return replace(kafka.connection, password=password)
