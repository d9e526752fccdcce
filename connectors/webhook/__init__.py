"""Webhooks out: Standard Webhooks signatures, a guard against internal addresses, one attempt at a time."""

from connectors.webhook.guard import Refusal, RefusedUrlError, check_url
from connectors.webhook.outcome import Outcome, Verdict
from connectors.webhook.receiver import Answer, Receiver, Request, Script
from connectors.webhook.sender import WebhookSender
from connectors.webhook.signature import InvalidSecretError, check_secret, new_secret, signed_headers

__all__ = [
    "Answer",
    "InvalidSecretError",
    "Outcome",
    "Receiver",
    "Refusal",
    "RefusedUrlError",
    "Request",
    "Script",
    "Verdict",
    "WebhookSender",
    "check_secret",
    "check_url",
    "new_secret",
    "signed_headers",
]
