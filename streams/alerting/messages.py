"""What a webhook says: the alert, the subscriber's own sequence, and an id that never changes."""

from __future__ import annotations

import hashlib
import json

from connectors.control import Work
from connectors.models import Alert, Transition
from streams.clock import moment


def event_type(transition: Transition) -> str:
    """Return the ``type`` of a message.

    Examples
    --------
    >>> event_type(Transition.ESCALATED)
    'alert.escalated'
    """
    return f"alert.{transition.value}"


def webhook_id(subscription_id: str, enterprise_id: str, sequence: int) -> str:
    """Return the id of a transition for a subscription: the same in every process, at every retry.

    Examples
    --------
    >>> webhook_id("sub_1", "91110000MA01", 7)
    'msg_f6e1c3c7ef9e8273a8d763e883187262'
    """
    named = json.dumps([subscription_id, enterprise_id, sequence]).encode()
    return f"msg_{hashlib.sha256(named).hexdigest()[:32]}"


def body(alert: Alert, delivery_sequence: int) -> bytes:
    """Return the JSON of a message: ``type``, ``timestamp``, and the alert with ``delivery_sequence`` as ``data``."""
    content = alert.model_dump(mode="json", exclude={"notify"})
    message = {
        "type": event_type(alert.transition),
        "timestamp": content["at"],
        "data": {"delivery_sequence": delivery_sequence, **content},
    }
    return json.dumps(message, ensure_ascii=False, separators=(",", ":")).encode()


def work(alert: Alert, subscription_id: str) -> Work:
    """Return a transition as the control store queues it."""
    return Work(
        webhook_id=webhook_id(subscription_id, alert.enterprise_id, alert.sequence),
        subscription_id=subscription_id,
        enterprise_id=alert.enterprise_id,
        alert_id=alert.alert_id,
        sequence=alert.sequence,
        body=lambda delivery_sequence: body(alert, delivery_sequence),
    )


def probe(subscription_id: str, now_ms: int) -> tuple[str, bytes]:
    """Return the id and body of a message that only shows whether a subscription works."""
    at = moment(now_ms).isoformat().replace("+00:00", "Z")
    content = {"type": "webhook.test", "timestamp": at, "data": {"subscription_id": subscription_id}}
    return f"msg_test_{now_ms}", json.dumps(content, separators=(",", ":")).encode()
