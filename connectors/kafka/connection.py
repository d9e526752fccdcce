"""How to reach a Kafka: its addresses, whether by TLS, and who we are there.

The only place that knows what the three client libraries call these things. Certificates are always checked, and the
host name in them; there is no way to switch that off.
"""

from __future__ import annotations

import ssl
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal

from connectors.tls import SYSTEM, Certificates, client_context

if TYPE_CHECKING:
    from faust.auth import Credentials

Security = Literal["plaintext", "ssl", "sasl_plaintext", "sasl_ssl"]
Mechanism = Literal["SCRAM-SHA-512", "SCRAM-SHA-256", "PLAIN"]


@dataclass(frozen=True)
class Connection:
    """Everything that a client of a Kafka needs to know; clients differ only in how they are told.

    Parameters
    ----------
    bootstrap
        ``host:port[,…]``.
    security
        Whether by TLS (``ssl``, ``sasl_ssl``), and whether with user and password (``sasl_…``).
    certificates
        With TLS: whom to trust to be a broker, and who we are where brokers ask for a certificate.
    mechanism, username, password
        How we say who we are, with SASL.

    Raises
    ------
    ValueError
        If these do not fit each other; the message names the settings and what to do.

    Examples
    --------
    >>> Connection("localhost:9092").aiokafka()
    {'bootstrap_servers': ['localhost:9092'], 'security_protocol': 'PLAINTEXT'}
    >>> Connection("kafka:9093", security="sasl_ssl", username="forewarn")
    Traceback (most recent call last):
    ValueError: FOREWARN_KAFKA_SECURITY=sasl_ssl needs FOREWARN_KAFKA_USERNAME and FOREWARN_KAFKA_PASSWORD
    """

    bootstrap: str
    security: Security = "plaintext"
    certificates: Certificates = SYSTEM
    mechanism: Mechanism = "SCRAM-SHA-512"
    username: str = ""
    password: str = field(default="", repr=False)

    def __post_init__(self) -> None:
        problem = self._mismatch()
        if problem:
            raise ValueError(problem)

    def __str__(self) -> str:
        return self.bootstrap

    @property
    def addresses(self) -> list[str]:
        """Each broker's ``host:port``."""
        return [address.strip() for address in self.bootstrap.split(",")]

    @property
    def encrypted(self) -> bool:
        """Whether by TLS."""
        return self.security in ("ssl", "sasl_ssl")

    @property
    def authenticated(self) -> bool:
        """Whether with user and password."""
        return self.security in ("sasl_plaintext", "sasl_ssl")

    @cached_property
    def tls(self) -> ssl.SSLContext | None:
        """The TLS of every client that is made from this; None without TLS.

        Raises
        ------
        ValueError
            If a file of certificates or the key cannot be used; the message names the setting.
        """
        if not self.encrypted:
            return None
        return client_context(self.certificates, "KAFKA")

    def aiokafka(self) -> dict[str, Any]:
        """Return the arguments of aiokafka's consumers, producers and admin clients."""
        return self._arguments()

    def kafka_python(self) -> dict[str, Any]:
        """Return the arguments of kafka-python's consumers, producers and admin clients."""
        return self._arguments() | ({"ssl_check_hostname": True} if self.encrypted else {})

    def faust(self) -> Credentials | None:
        """Return what Faust's ``broker_credentials`` takes."""
        from faust.auth import SASLCredentials, SSLCredentials

        if self.authenticated:
            return SASLCredentials(
                username=self.username, password=self.password, ssl_context=self.tls, mechanism=self.mechanism
            )
        return SSLCredentials(self.tls) if self.tls is not None else None

    def _arguments(self) -> dict[str, Any]:
        given: dict[str, Any] = {"bootstrap_servers": self.addresses, "security_protocol": self.security.upper()}
        if self.tls is not None:
            given["ssl_context"] = self.tls
        if self.authenticated:
            given |= {
                "sasl_mechanism": self.mechanism,
                "sasl_plain_username": self.username,
                "sasl_plain_password": self.password,
            }
        return given

    def _mismatch(self) -> str | None:
        if self.authenticated:
            if not (self.username and self.password):
                needed = "FOREWARN_KAFKA_USERNAME and FOREWARN_KAFKA_PASSWORD"
                return f"FOREWARN_KAFKA_SECURITY={self.security} needs {needed}"
            if self.mechanism == "PLAIN" and not self.encrypted:
                return (
                    "FOREWARN_KAFKA_SASL_MECHANISM=PLAIN would send the password readable by anybody on the way: "
                    "set FOREWARN_KAFKA_SECURITY=sasl_ssl, or use SCRAM-SHA-512"
                )
        elif self.username or self.password:
            with_password = "sasl_ssl" if self.encrypted else "sasl_ssl (or sasl_plaintext)"
            return (
                f"FOREWARN_KAFKA_USERNAME and FOREWARN_KAFKA_PASSWORD are not used with FOREWARN_KAFKA_SECURITY="
                f"{self.security}: set it to {with_password}, or remove them"
            )
        if not self.encrypted and self.certificates != SYSTEM:
            return (
                f"FOREWARN_KAFKA_SECURITY={self.security} encrypts nothing and checks no certificate: set it to ssl or "
                "sasl_ssl, or remove FOREWARN_KAFKA_CA, FOREWARN_KAFKA_CLIENT_CERT and FOREWARN_KAFKA_CLIENT_KEY"
            )
        return None
