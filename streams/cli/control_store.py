"""Opening the control store for a command, with errors that say what to do."""

from __future__ import annotations

from typing import TYPE_CHECKING

from streams.cli.common import fail

if TYPE_CHECKING:
    from connectors.control import ControlStore
    from streams.settings import Settings


def open_control_store(settings: Settings) -> ControlStore:
    """Return the stack's control store with its tables up to date; a store that cannot be used ends the command."""
    from connectors.control import AWAY, ControlStore
    from streams.runtime import endpoints

    try:
        store = ControlStore(endpoints(settings).control_url)
    except ValueError as error:
        fail(str(error), 2)
    try:
        store.upgrade()
    except AWAY:
        # Not the driver's message: it tells addresses and users.
        fail("the control store cannot be reached or written: check FOREWARN_CONTROL_URL, or the data directory")
    return store
