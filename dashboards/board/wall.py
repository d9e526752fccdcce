"""The warning wall: how many alerts there are, and which."""

from __future__ import annotations

from datetime import datetime
from urllib.parse import quote

from nicegui import ui

from connectors.models import Level
from dashboards.board.acknowledging import AcknowledgeDialog
from dashboards.board.frame import MARKS, Frame
from dashboards.board.grid import Cell, Grid, Row
from dashboards.board.texts import Texts
from dashboards.desk import Desk
from dashboards.figures import WARNING_LEVELS, AlertState, LevelCounts, Wall
from dashboards.shared import Seen

#: Most rows that a browser is given; filters find the others.
MOST_ROWS = 200


def enterprise_path(enterprise_id: str) -> str:
    """Return the path of an enterprise's page.

    Examples
    --------
    >>> enterprise_path("a/b")
    '/enterprise/a%2Fb'
    """
    return f"/enterprise/{quote(enterprise_id, safe='')}"


def alert_rows(alerts: list[AlertState], now: datetime, texts: Texts) -> list[Row]:
    """Return the rows of the table of alerts."""
    return [Row(id=alert.alert_id, tone=alert.level.value, cells=_cells(alert, now, texts)) for alert in alerts]


def _cells(alert: AlertState, now: datetime, texts: Texts) -> dict[str, Cell]:
    reason = alert.reasons[0] if alert.reasons else None
    more = len(alert.reasons) - 1
    why = Cell(text=texts.pick(reason.zh, reason.en) if reason else alert.rule)
    if more > 0:
        why["sub"] = texts("more.reasons", count=more)
    if alert.acknowledged:
        seen_by = Cell(text=alert.acknowledged.actor, sub=texts.moment(alert.acknowledged.at))
    else:
        aria = texts("acknowledge.title", name=alert.name)
        seen_by = Cell(action=texts("acknowledge"), aria=aria)
    return {
        "level": Cell(chip=alert.level.value, mark=MARKS[alert.level], text=texts(f"level.short.{alert.level.value}")),
        "enterprise": Cell(text=alert.name, href=enterprise_path(alert.enterprise_id), sub=alert.enterprise_id),
        "since": Cell(text=texts.moment(alert.opened_at), sub=texts.ago(now - alert.opened_at)),
        "score": Cell(text=f"{alert.score:.2f}", bar=round(alert.score, 3)),
        "reason": why,
        "acknowledged": seen_by,
    }


class WallPage:
    """One browser's view of the wall.

    Parameters
    ----------
    desk
        Where the figures come from.
    texts
        In the reader's language.
    """

    def __init__(self, desk: Desk, texts: Texts) -> None:
        self._desk, self._texts = desk, texts
        self._seen: Seen[Wall] = Seen()
        self._level: Level | None = None
        self._title = ""
        skip = ui.element("a").classes("fw-skip").props('href="#alerts"')
        with skip:
            ui.label(texts("skip"))
        self._frame = Frame(desk, texts)
        with ui.element("div").classes("fw-main") as self._main:
            ui.label(texts("title")).classes("fw-hidden").props('role="heading" aria-level="1"')
            self._tiles()
            self._filters()
            headings = ("level", "enterprise", "since", "score", "reason", "acknowledged")
            columns = [(key, texts(f"column.{key}")) for key in headings]
            self._grid = Grid(texts("alerts"), columns, texts("alerts.none"), self._ask).classes("fw-alerts")
            self._grid.props('id="alerts"')
        self._dialog = AcknowledgeDialog(desk, texts, self.refresh)

    async def refresh(self) -> None:
        """Show the newest figures."""
        self._seen = await self._desk.wall.get()
        self._show()

    def redraw(self) -> None:
        """Show the figures at hand again."""
        self._show()

    def _tiles(self) -> None:
        texts = self._texts
        self._numbers: dict[Level, ui.label] = {}
        self._buttons: dict[Level, ui.element] = {}
        tiles = ui.element("section").classes("fw-tiles")
        tiles.props["aria-label"] = texts("counts")
        with tiles:
            for level in WARNING_LEVELS:
                button = ui.element("button").classes(f"fw-tile fw-tile-{level.value}")
                button.props(f'type="button" aria-pressed="false" data-testid="tile-{level.value}"')
                button.on("click", lambda level=level: self._toggle(level))
                self._buttons[level] = button
                with button:
                    self._numbers[level] = ui.label("–").classes("fw-number")
                    ui.label(f"{MARKS[level]} {texts.level(level)}").classes("fw-tile-name")
            with ui.element("div").classes("fw-tile fw-tile-plain"):
                self._waiting = ui.label("–").classes("fw-number").props('data-testid="unacknowledged"')
                ui.label(texts("unacknowledged")).classes("fw-tile-name")
            with ui.element("div").classes("fw-tile fw-tile-plain") as self._overdue_tile:
                self._overdue = ui.label("–").classes("fw-number").props('data-testid="overdue"')
                ui.label(texts("overdue")).classes("fw-tile-name")

    def _filters(self) -> None:
        texts = self._texts
        with ui.element("div").classes("fw-filters"):
            self._text = ui.input(on_change=self._show).classes("fw-search")
            self._text.props('outlined dense clearable debounce=200 maxlength=100 data-testid="filter"')
            self._text.props["placeholder"] = self._text.props["aria-label"] = texts("filter.text")
            self._waiting_only = ui.checkbox(texts("filter.open"), on_change=self._show)
            self._shown = ui.label().classes("fw-muted fw-shown").props('role="status"')

    def _toggle(self, level: Level) -> None:
        self._level = None if self._level is level else level
        for one, button in self._buttons.items():
            button.props(f'aria-pressed="{str(one is self._level).lower()}"')
        self._show()

    async def _ask(self, alert_id: str) -> None:
        alerts = self._seen.value.alerts if self._seen.value else []
        wanted = next((alert for alert in alerts if alert.alert_id == alert_id), None)
        if wanted is not None:
            await self._dialog.ask(wanted)

    def _show(self) -> None:
        texts, wall = self._texts, self._seen.value
        old = self._frame.show(self._seen)
        self._main.classes(add="fw-old" if old else "", remove="" if old else "fw-old")
        if wall is None:
            self._grid.show([], texts("data.none"))
            return
        self._count(wall.counts)
        title = f"({wall.counts.red}) {texts('title')}" if wall.counts.red else texts("title")
        if title != self._title:
            self._title = title
            ui.page_title(title)
        wanted = [alert for alert in wall.alerts if self._wants(alert)]
        shown = wanted[:MOST_ROWS]
        filtered = self._level is not None or self._waiting_only.value or bool(self._text.value)
        total = len(wanted) if filtered else wall.counts.total
        self._grid.show(
            alert_rows(shown, wall.now, texts), texts("alerts.none.filtered" if filtered else "alerts.none")
        )
        self._shown.set_text(texts("alerts.shown", shown=len(shown), total=total))

    def _count(self, counts: LevelCounts) -> None:
        for level, number in self._numbers.items():
            name = self._texts("level.filter", level=self._texts.level(level), count=counts.of(level))
            number.set_text(str(counts.of(level)))
            if self._buttons[level].props.get("aria-label") != name:
                self._buttons[level].props["aria-label"] = name
                self._buttons[level].update()
        self._waiting.set_text(str(counts.unacknowledged))
        self._overdue.set_text(str(counts.overdue))
        late = "fw-tile-late"
        self._overdue_tile.classes(add=late if counts.overdue else "", remove="" if counts.overdue else late)

    def _wants(self, alert: AlertState) -> bool:
        if self._level is not None and alert.level is not self._level:
            return False
        if self._waiting_only.value and alert.acknowledged is not None:
            return False
        text = (self._text.value or "").strip().casefold()
        if not text:
            return True
        said = (alert.name, alert.enterprise_id, *(part for reason in alert.reasons for part in (reason.zh, reason.en)))
        return any(text in one.casefold() for one in said)
