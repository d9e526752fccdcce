"""Merge parts of ``signals`` in larger groups: merging cost ClickHouse more than inserting.

With the server's base of 5 a row is written again for every fivefold of rows beside it, which is two or three times
within the first minutes of a flood. With 16 it is once, for some ten parts more in the newest month; reading with FINAL
takes as long as before.
"""

from __future__ import annotations

from connectors.clickhouse.operations import ModifySettings, Operation
from connectors.clickhouse.schema import SIGNALS

OPERATIONS: tuple[Operation, ...] = (ModifySettings(SIGNALS, {"merge_selector_base": 16}),)
