"""A headless Chromium for tests. Import the fixture where it is needed: ``from tests.browser import browser``."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from tests import browser_install

#: Root has no sandbox; the rest keeps the browser itself from calling anywhere.
FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
)


@contextmanager
def launched() -> Iterator[Browser]:
    """Run a headless browser; skip the test where there is none, fail it where CI demands one."""
    path = browser_install.find()
    if path is None:
        message = "no Chromium: run `python -m tests.browser_install`"
        if browser_install.is_required():
            pytest.fail(message)
        pytest.skip(message)
    with sync_playwright() as playwright:
        found = playwright.chromium.launch(executable_path=str(path), args=list(FLAGS))
        try:
            yield found
        finally:
            found.close()
    # Playwright's synchronous interface leaves its closed loop behind as the thread's current one.
    asyncio.set_event_loop(None)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Run one browser for the module."""
    with launched() as found:
        yield found


def watch_requests(page: Page) -> list[str]:
    """Return a list that grows with the address of every request the page makes, sockets included."""
    seen: list[str] = []
    page.context.on("request", lambda request: seen.append(request.url))
    page.on("websocket", lambda socket: seen.append(socket.url))
    return seen
