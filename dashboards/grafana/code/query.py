"""A ClickHouse query, as the Grafana plug-in stores it; grafana-foundation-sdk has none."""

from __future__ import annotations

import textwrap
from typing import Any, Self

from dashboards.grafana.code.sdk import Builder, Dataquery, common_models, runtime
from dashboards.grafana.shipped import DATA_SOURCE_TYPE

#: Version of the plug-in whose query format this is.
PLUGIN_VERSION = "4.20.0"

# Heartbeats come even when there is nothing to say, so the age of the newest is that of the whole path into ClickHouse.
# Where nothing came at all, max() gives 1970: an age of decades, which is red as it should be.
NEWEST_RECORD = """(
    SELECT max(record_time) AS record_time FROM sources
    UNION ALL
    SELECT max(record_time) AS record_time FROM risk WHERE at > now() - INTERVAL 2 DAY
)"""


def source() -> common_models.DataSourceRef:
    """Return the reference to the data source that the dashboard's variable chooses."""
    return common_models.DataSourceRef(type_val=DATA_SOURCE_TYPE, uid="${datasource}")


class ClickHouseQuery(Dataquery):
    """One query of a panel.

    Parameters
    ----------
    sql
        ClickHouse SQL with the plug-in's macros.
    series
        True: rows are points of time series, ascending by their column ``time``, a text column tells series apart.
        False: rows are a table.
    ref_id
        Its letter within the panel.
    """

    def __init__(self, sql: str, *, series: bool, ref_id: str = "A") -> None:
        self.sql = textwrap.dedent(sql).strip()
        self.series = series
        self.ref_id = ref_id

    def to_json(self) -> dict[str, object]:
        """Return it as it stands in a dashboard."""
        return {
            "refId": self.ref_id,
            "datasource": source(),
            "editorType": "sql",
            "pluginVersion": PLUGIN_VERSION,
            "queryType": "timeseries" if self.series else "table",
            "format": 0 if self.series else 1,
            "rawSql": self.sql,
        }

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Self:
        """Read it back."""
        return cls(data["rawSql"], series=data["format"] == 0, ref_id=data["refId"])


class Query(Builder[ClickHouseQuery]):
    """Builds a query, as the panels' builders want it."""

    def __init__(self, sql: str, *, series: bool = False, ref_id: str = "A") -> None:
        self._query = ClickHouseQuery(sql, series=series, ref_id=ref_id)

    def build(self) -> ClickHouseQuery:
        """Return the query."""
        return self._query


def register() -> None:
    """Teach the SDK to read our queries, so that dashboards make the round trip through it."""
    runtime.register_dataquery_variant(
        runtime.DataqueryConfig(identifier=DATA_SOURCE_TYPE, from_json_hook=ClickHouseQuery.from_json)
    )
