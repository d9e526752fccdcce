"""The whole HTTP application: API, board, and the door in front of both."""

from __future__ import annotations

from collections.abc import Callable

from clickhouse_connect.driver.client import Client
from fastapi import FastAPI

from dashboards.api import Access, create_api
from dashboards.board import mount_board
from dashboards.desk import Acknowledgements, Desk
from dashboards.queries import Queries
from dashboards.store import Store
from streams.clock import Clock
from streams.lookout import Scoring
from streams.probes import Vitals


def create_app(
    connect: Callable[[], Client],
    control: Acknowledgements,
    clock: Clock,
    access: Access,
    *,
    zone: str,
    simulated: bool,
    look: Callable[[], Scoring],
    vitals: Vitals,
) -> FastAPI:
    """Return the application that ``forewarn serve`` runs. Once per process: NiceGUI has one application.

    Parameters
    ----------
    connect
        Makes a ClickHouse client that several threads may use at once, with time limits of seconds.
    control
        The control store, brought up to date.
    clock
        The machine's.
    access
        Who may call.
    zone
        In which days are calendar ones.
    simulated
        Whether the stack clock comes from the records.
    look
        Tells whether signals are scored.
    vitals
        What this process tells of itself; it learns here when it is ready.
    """
    desk = Desk(Queries(Store(connect)), control, clock, simulated=simulated, look=look)
    app = create_api(desk, access, vitals)
    mount_board(app, desk, zone)
    return app
