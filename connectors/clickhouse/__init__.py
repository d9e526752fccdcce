"""ClickHouse: the connection, the tables, their migrations, and the documented views."""

from connectors.clickhouse.client import AccessError, MissingSchemaError, Server, UnavailableError, client
from connectors.clickhouse.migrate import EditedMigrationError, Step, migrate
from connectors.clickhouse.schema import TABLE_OF, TABLES, Recorded, Table
from connectors.clickhouse.sink import RefusedRowsError, Sink
from connectors.clickhouse.views import VIEWS

__all__ = [
    "TABLES",
    "TABLE_OF",
    "VIEWS",
    "AccessError",
    "EditedMigrationError",
    "MissingSchemaError",
    "Recorded",
    "RefusedRowsError",
    "Server",
    "Sink",
    "Step",
    "Table",
    "UnavailableError",
    "client",
    "migrate",
]
