"""Standard Webhooks: secrets ``whsec_…`` and the three headers that let a receiver verify a message."""

from __future__ import annotations

import base64
import binascii
import secrets
from datetime import UTC, datetime

from standardwebhooks import Webhook

_PREFIX = "whsec_"
_LEAST_BYTES, _MOST_BYTES = 24, 64


class InvalidSecretError(ValueError):
    """The secret is not one of Standard Webhooks; the message does not repeat it."""


def new_secret() -> str:
    """Return a fresh secret of 32 random bytes."""
    return _PREFIX + base64.b64encode(secrets.token_bytes(32)).decode()


def check_secret(secret: str) -> str:
    """Return the secret if it is ``whsec_`` and the base64 of 24 to 64 bytes, as Standard Webhooks asks.

    Raises
    ------
    InvalidSecretError
        If it is not.

    Examples
    --------
    >>> check_secret("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw'
    """
    encoded = secret.removeprefix(_PREFIX)
    try:
        raw = base64.b64decode(encoded, validate=True)
    except (binascii.Error, ValueError):
        raw = b""
    if encoded == secret or not _LEAST_BYTES <= len(raw) <= _MOST_BYTES:
        message = "a webhook secret is whsec_ followed by the base64 of 24 to 64 bytes; leave it out to have one made"
        raise InvalidSecretError(message)
    return secret


def signed_headers(secret: str, webhook_id: str, at_ms: int, body: bytes) -> dict[str, str]:
    """Return ``webhook-id``, ``webhook-timestamp`` and ``webhook-signature`` of a message sent now.

    Parameters
    ----------
    at_ms
        The time of the attempt, in milliseconds since the epoch; receivers refuse what is five minutes off.
    """
    at = datetime.fromtimestamp(at_ms // 1000, UTC)
    return {
        "webhook-id": webhook_id,
        "webhook-timestamp": str(at_ms // 1000),
        "webhook-signature": Webhook(secret).sign(webhook_id, at, body.decode()),
    }
