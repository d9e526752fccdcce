"""What can go wrong with an embedded server; each message says what to do."""

from __future__ import annotations


class ServerError(RuntimeError):
    """An embedded server could not be started or has stopped."""


class PortTakenError(ServerError):
    """Another process listens on a port that is needed."""


class JarsMissingError(ServerError):
    """Kafka's jars are neither in the cache nor to be had from the network."""
