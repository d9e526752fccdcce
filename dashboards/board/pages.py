"""The board's pages, mounted into the application of the API."""

from __future__ import annotations

from typing import Protocol
from zoneinfo import ZoneInfo

from fastapi import FastAPI
from nicegui import ui
from starlette.requests import Request

from dashboards.board.enterprise import EnterprisePage
from dashboards.board.frame import REFRESH_S, Viewer, dress, known_zone
from dashboards.board.texts import TEXTS
from dashboards.board.wall import WallPage
from dashboards.desk import Desk

_ICON = (
    "<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 32 32'><path d='M16 2 31 29H1Z' fill='#ffa64d'/>"
    "<path d='M16 11v9m0 3v3' stroke='#0d1520' stroke-width='3'/></svg>"
)
_PATIENCE_S = 12.0


class LivePage(Protocol):
    """A page that can be shown anew."""

    async def refresh(self) -> None:
        """Show the newest figures."""
        ...

    def redraw(self) -> None:
        """Show the figures at hand again, because how they are written has changed."""
        ...


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
        await _live(WallPage(desk, viewer.texts), viewer)

    @ui.page("/enterprise/{enterprise_id:path}", title=title, dark=True, response_timeout=_PATIENCE_S)
    async def enterprise(request: Request, enterprise_id: str) -> None:
        viewer = Viewer.of(request, zone)
        dress(viewer.texts)
        await _live(EnterprisePage(desk, viewer.texts, enterprise_id, ZoneInfo(zone)), viewer)

    # What the browser keeps (language, zone) is in plain cookies and its local storage, so there are no sessions
    # and nothing of NiceGUI's is written to disk.
    ui.run_with(app, title=title, favicon=_ICON, dark=True, tailwind=False, show_welcome_message=False)


async def _live(page: LivePage, viewer: Viewer) -> None:
    """Show a page and keep it fresh for as long as somebody looks."""
    await page.refresh()
    if not viewer.zone_known:

        async def learn_zone() -> None:
            said = await ui.run_javascript("Intl.DateTimeFormat().resolvedOptions().timeZone")
            zone = known_zone(str(said))
            if zone is not None:
                viewer.texts.zone = zone
                page.redraw()

        ui.timer(0, learn_zone, once=True)
    ui.timer(REFRESH_S, page.refresh)
