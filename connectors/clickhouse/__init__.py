"""ClickHouse: the connection, the tables, their migrations, and the documented views."""

from connectors.clickhouse.client import AccessError, MissingSchemaError, Server, UnavailableError, client
from connectors.clickhouse.migrate import EditedMigrationError, Step, migrate
from connectors.clickhouse.schema import TABLE_OF, TABLES, Recorded, Table
from connectors.clickhouse.signals import readings_block
from connectors.clickhouse.sink import Refusal, RefusedRowsError, Rows, Sink
from connectors.clickhouse.views import VIEWS

__all__ = [
    "TABLES",
    "TABLE_OF",
    "VIEWS",
    "AccessError",
    "EditedMigrationError",
    "MissingSchemaError",
    "Recorded",
    "Refusal",
    "RefusedRowsError",
    "Rows",
    "Server",
    "Sink",
    "Step",
    "Table",
    "UnavailableError",
    "client",
    "migrate",
    "readings_block",
]
