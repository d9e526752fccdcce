"""The servers that come with forewarn: Kafka and ClickHouse as child processes on the loopback interface."""

from connectors.embedded.clickhouse import ClickHouseServer
from connectors.embedded.errors import JarsMissingError, PortTakenError, ServerError
from connectors.embedded.kafka import KafkaServer
from connectors.embedded.ports import ensure_free, free_port, free_run

__all__ = [
    "ClickHouseServer",
    "JarsMissingError",
    "KafkaServer",
    "PortTakenError",
    "ServerError",
    "ensure_free",
    "free_port",
    "free_run",
]
