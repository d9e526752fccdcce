"""A table that refreshes in place: rows keep focus, selection and scroll, and every text is shown as text."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypedDict

from nicegui import ui
from nicegui.events import GenericEventArguments


class Cell(TypedDict, total=False):
    """One cell.

    ``chip`` shows the text as a label of that class, with ``mark`` before it; ``bar`` draws 0 to 1; ``sub`` is a second
    line; ``action`` is a button that reports the row's id, read out as ``aria``.
    """

    text: str
    sub: str
    href: str
    chip: str
    mark: str
    bar: float
    mono: bool
    action: str
    aria: str


class Row(TypedDict, total=False):
    """One row: its key, its cells by column, and the level that tints it."""

    id: str
    cells: dict[str, Cell]
    tone: str


class Grid(ui.element, component="grid.js"):
    """A table.

    Parameters
    ----------
    label
        What it is, for screen readers.
    columns
        Key and heading of each.
    empty
        What is said when there are no rows.
    on_act
        Called with a row's id when its button is pressed.
    """

    def __init__(
        self,
        label: str,
        columns: Sequence[tuple[str, str]],
        empty: str,
        on_act: Callable[[str], object] | None = None,
    ) -> None:
        super().__init__()
        self._props["label"] = label
        self._props["columns"] = [{"key": key, "label": heading} for key, heading in columns]
        self._props["empty"] = empty
        self._props["rows"] = []
        if on_act is not None:

            def act(event: GenericEventArguments) -> object:
                return on_act(str(event.args))

            self.on("act", act)

    def show(self, rows: Sequence[Row], empty: str | None = None) -> None:
        """Show these rows; sends nothing if they are the ones already shown."""
        shown = [dict(row) for row in rows]
        if shown == self._props["rows"] and (empty is None or empty == self._props["empty"]):
            return
        self._props["rows"] = shown
        if empty is not None:
            self._props["empty"] = empty
        self.update()
