"""Let findings say how they fade: what evidence was worth at a time can then be told from the row alone.

Rows of earlier programs have NULL in ``lasting``: how they fade was not written, and a guess by today's configuration
would be wrong for those that another one made.
"""

from __future__ import annotations

from connectors.clickhouse.operations import AddColumns, Operation
from connectors.clickhouse.schema import FINDINGS

OPERATIONS: tuple[Operation, ...] = (AddColumns(FINDINGS, since=3),)
