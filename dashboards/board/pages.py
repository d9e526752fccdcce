"""The board's pages, mounted into the application of the API."""

from __future__ import annotations

from zoneinfo import ZoneInfo

from fastapi import FastAPI
from nicegui import ui
from starlette.requests import Request

from dashboards.board.enterprise import EnterprisePage
from dashboards.board.frame import Viewer, dress
from dashboards.board.texts import TEXTS
from dashboards.board.wall import WallPage
from dashboards.desk import Desk

_ICON = (
    "<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 32 32'><path d='M16 2 31 29H1Z' fill='#ffa64d'/>"
    "<path d='M16 11v9m0 3v3' stroke='#0d1520' stroke-width='3'/></svg>"
)
_PATIENCE_S = 12.0


def mount_board(app: FastAPI, desk: Desk, zone: str) -> None:
    """Serve the board at ``/`` and ``/enterprise/<code>``. Once per process: NiceGUI has one application.

    Parameters
    ----------
    app
        The application of the API; its routes come first.
    desk
        Where the figures come from.
    zone
        In which days are the sources'; also for readers whose browser does not tell its own.
    """
    title = " · ".join(TEXTS["title"])

    @ui.page("/", title=title, dark=True, response_timeout=_PATIENCE_S)
    async def wall(request: Request) -> None:
        viewer = Viewer.of(request, zone)
        dress(viewer.texts)
        page = WallPage(desk, viewer.texts)
        await page.refresh()
        page.keep_fresh()

    @ui.page("/enterprise/{enterprise_id:path}", title=title, dark=True, response_timeout=_PATIENCE_S)
    async def enterprise(request: Request, enterprise_id: str) -> None:
        viewer = Viewer.of(request, zone)
        dress(viewer.texts)
        page = EnterprisePage(desk, viewer.texts, enterprise_id, ZoneInfo(zone))
        await page.refresh()
        page.keep_fresh()

    # What the browser keeps (language, zone) is in plain cookies and its local storage, so there are no sessions
    # and nothing of NiceGUI's is written to disk.
    ui.run_with(app, title=title, favicon=_ICON, dark=True, tailwind=False, show_welcome_message=False)
