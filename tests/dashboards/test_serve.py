"""``forewarn serve`` as a process: ports, tokens, stopping."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Browser

from tests.browser import browser
from tests.dashboards.conftest import Place
from tests.dashboards.serving import served

pytestmark = pytest.mark.stack
__all__ = ["browser"]


def test_it_stops_within_seconds_while_a_board_is_looked_at(place: Place, browser: Browser, tmp_path: Path) -> None:
    with served(place, tmp_path) as running:
        page = browser.new_page()
        page.goto(running.url)
        page.wait_for_selector("tbody tr")
        second = running.run()
        assert second.wait(30) == 1
        assert f"127.0.0.1:{running.port}" in running.log() and "FOREWARN_HTTP_PORT" in running.log()
        assert running.stop() < 8
        assert running.process.returncode == 0
        page.context.close()
    assert "Traceback" not in running.log()
    assert not list(tmp_path.glob(".nicegui"))


def test_other_machines_need_the_token(place: Place, browser: Browser, tmp_path: Path) -> None:
    with served(place, tmp_path, HTTP_HOST="0.0.0.0") as running:
        token = (tmp_path / "secrets" / "api-token").read_text(encoding="ascii")
        assert httpx.get(f"{running.url}/api/v1/alerts").status_code == 401
        let_in = httpx.get(f"{running.url}/api/v1/alerts", headers={"Authorization": f"Bearer {token}"})
        assert let_in.status_code == 200
        page = browser.new_page()
        page.goto(running.url)
        page.get_by_label("Access token").fill(token)
        page.get_by_role("button").click()
        page.wait_for_selector("tbody tr")
        page.context.close()
        assert token not in running.log()
