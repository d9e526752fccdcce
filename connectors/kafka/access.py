"""Why a Kafka that listens is of no use to us: its certificate, our password, or what it expects of clients.

Client libraries try again for ever and tell the reason, if at all, in their logs. Asked here, it is known at once.
"""

from __future__ import annotations

import asyncio
import ssl
from concurrent.futures import ThreadPoolExecutor

from aiokafka.conn import AIOKafkaConnection  # type: ignore[import-untyped]  # ships no types
from aiokafka.errors import (  # type: ignore[import-untyped]  # ships no types
    AuthenticationFailedError,
    IllegalSaslStateError,
    KafkaError,
    SaslAuthenticationFailed,
    UnsupportedSaslMechanismError,
)

from connectors.kafka.connection import Connection
from connectors.tls import distrust

_TIMEOUT_MS = 5_000
_CREDENTIALS = (AuthenticationFailedError, SaslAuthenticationFailed, IllegalSaslStateError)


def refusal(kafka: Connection) -> str | None:
    """Return why we cannot work with a Kafka although it is there; None if we can, or if nothing answers.

    Blocks for as long as a connection takes, at most five seconds per address. The text names the settings to look at,
    never a password.
    """
    if kafka.security == "plaintext":
        return None  # there is nothing to be refused for
    with ThreadPoolExecutor(1, "kafka-access") as apart:  # the caller may run in an event loop
        return apart.submit(asyncio.run, _refusal(kafka)).result()


async def _refusal(kafka: Connection) -> str | None:
    reasons = []
    for address in kafka.addresses:
        try:
            await _connect(kafka, address)
        except (ssl.SSLError, KafkaError) as error:
            reasons.append(_reason(kafka, address, error))
        except (OSError, TimeoutError, ValueError):
            reasons.append(None)
        else:
            return None
    return next((reason for reason in reasons if reason), None)


async def _connect(kafka: Connection, address: str) -> None:
    host, _, port = address.rpartition(":")
    arguments = {name: value for name, value in kafka.aiokafka().items() if name != "bootstrap_servers"}
    connection = AIOKafkaConnection(
        host.strip("[]"), int(port), request_timeout_ms=_TIMEOUT_MS, client_id="forewarn", **arguments
    )
    try:
        await connection.connect()
    finally:
        closing = connection.close()
        if closing is not None:
            await asyncio.wait([closing], timeout=1)


def _reason(kafka: Connection, address: str, error: Exception) -> str | None:
    """Return what is wrong; None for what may pass by itself."""
    place = f"the Kafka at {address}"
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"{place} shows {distrust(error, kafka.certificates, 'KAFKA')}"
    if isinstance(error, ssl.SSLError):
        return (
            f"{place} does not agree on TLS ({error.reason}): is FOREWARN_KAFKA_SECURITY={kafka.security} what this "
            "port expects? If it asks for a certificate, set FOREWARN_KAFKA_CLIENT_CERT"
        )
    if isinstance(error, _CREDENTIALS):
        return (
            f"{place} refuses user {kafka.username!r}: check FOREWARN_KAFKA_USERNAME, FOREWARN_KAFKA_PASSWORD and "
            f"FOREWARN_KAFKA_SASL_MECHANISM={kafka.mechanism}"
        )
    if isinstance(error, UnsupportedSaslMechanismError):
        return f"{place} does not offer FOREWARN_KAFKA_SASL_MECHANISM={kafka.mechanism}: set another one"
    return None
