"""The dialog in which an officer acknowledges an alert."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from nicegui import ui
from sqlalchemy.exc import SQLAlchemyError

from dashboards.board.texts import Texts
from dashboards.desk import Desk
from dashboards.figures import AlertState
from streams.logs import logger

log = logger(__name__)

MOST_NAME, MOST_NOTE = 64, 500
_KEY = "forewarn-officer"


class AcknowledgeDialog:
    """Asks for a name and a note, and stores the acknowledgement.

    Parameters
    ----------
    desk
        Stores it.
    texts
        In the reader's language.
    after
        Called when it is stored, to show it at once.
    """

    def __init__(self, desk: Desk, texts: Texts, after: Callable[[], Awaitable[None]]) -> None:
        self._desk, self._texts, self._after = desk, texts, after
        self._alert: AlertState | None = None
        with ui.dialog() as self._dialog, ui.card().classes("fw-dialog"):
            self._title = ui.label().classes("fw-dialog-title").props('role="heading" aria-level="2"')
            ui.label(texts("acknowledge.explain")).classes("fw-muted")
            self._actor = ui.input(texts("acknowledge.actor")).props(
                f'outlined maxlength={MOST_NAME} autocomplete="name"'
            )
            self._actor.classes("fw-wide").on("keydown.enter", self._save)
            self._note = ui.textarea(texts("acknowledge.note")).props(f"outlined autogrow maxlength={MOST_NOTE}")
            self._note.classes("fw-wide")
            with ui.element("div").classes("fw-dialog-actions"):
                ui.button(texts("acknowledge.cancel"), on_click=self._dialog.close).props("flat no-caps color=grey-4")
                ui.button(texts("acknowledge"), on_click=self._save).props(
                    'unelevated no-caps color=primary data-testid="acknowledge-save"'
                )

    async def ask(self, alert: AlertState) -> None:
        """Open the dialog for an alert; the name is the one given last in this browser."""
        self._alert = alert
        self._title.set_text(self._texts("acknowledge.title", name=alert.name))
        self._note.set_value("")
        self._actor.error = None
        self._dialog.open()
        if not self._actor.value:
            self._actor.set_value(str(await ui.run_javascript(f"localStorage.getItem('{_KEY}') || ''") or ""))

    async def _save(self) -> None:
        actor, note = _line(self._actor.value, MOST_NAME), _line(self._note.value, MOST_NOTE)
        if not actor:
            self._actor.error = self._texts("acknowledge.actor.missing")
            return
        if self._alert is None:
            return
        try:
            await self._desk.acknowledge(self._alert, actor, note)
        except SQLAlchemyError:
            log.exception("an acknowledgement could not be stored")
            ui.notify(self._texts("acknowledge.failed"), type="negative")
            return
        self._dialog.close()
        ui.run_javascript(f"localStorage.setItem('{_KEY}', document.querySelector('.fw-dialog input')?.value || '')")
        ui.notify(self._texts("acknowledge.done"), type="positive")
        await self._after()


def _line(text: str | None, most: int) -> str:
    """Return what was typed as one line without control characters."""
    return " ".join("".join(c if c.isprintable() else " " for c in text or "").split())[:most]
