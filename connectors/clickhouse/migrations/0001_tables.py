"""Create every table of the first release.

Rows carry topic, partition, offset and envelope index from the start, so that each can be traced to its Kafka record
and the inputs of a partition group can be replayed in their order when Kafka has dropped them.
"""

from __future__ import annotations

from connectors.clickhouse.operations import CreateTable, Operation
from connectors.clickhouse.schema import TABLES

OPERATIONS: tuple[Operation, ...] = tuple(CreateTable(table, since=1) for table in TABLES)
