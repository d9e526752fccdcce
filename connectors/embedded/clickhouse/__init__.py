"""ClickHouse's HTTP interface in front of chDB, as a process of its own.

What speaks to a ClickHouse server over HTTP speaks to this one too: clickhouse-connect, curl, Grafana's data source.
Two users with passwords: one may do anything, ``reader`` may only query. What chDB cannot do, and a server can:

* users, roles, grants, row policies, quotas: there are the two users, and that is all;
* ``KILL QUERY``: a query ends by itself, by ``max_execution_time``, or when the client of a streamed result hangs up;
* ``system.query_log`` and its sisters, replication, clusters, the native protocol (port 9000);
* external tables and ``decompress=1`` in requests; an insert is held in memory, at most 256 MiB of it.
"""

from connectors.embedded.clickhouse.server import ClickHouseServer

__all__ = ["ClickHouseServer"]
