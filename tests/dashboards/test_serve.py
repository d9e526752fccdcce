"""``forewarn serve`` as a process: ports, tokens, stopping."""

from __future__ import annotations

import re
import time
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Browser

from streams import health
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


def test_it_tells_whether_it_lives_and_works(place: Place, tmp_path: Path) -> None:
    with served(place, tmp_path) as running:

        def wait_for(status: int) -> httpx.Response:
            deadline = time.monotonic() + 40
            while (answer := httpx.get(f"{running.url}/readyz")).status_code != status:
                assert time.monotonic() < deadline, answer.text
                time.sleep(0.1)
            return answer

        assert wait_for(200).json() == {"ready": True, "reason": ""}
        running.cable.cut()
        assert wait_for(503).json()["reason"] == "ClickHouse does not answer"
        assert httpx.get(f"{running.url}/healthz").text == "ok\n", "a restart would not help"
        running.cable.plug()
        wait_for(200)
        page = httpx.get(f"{running.url}/metrics").text
        assert re.search(r'forewarn_serve_requests_total{status="5xx"} [1-9]', page)
        assert "forewarn_ready 1.0" in page
        sign = health.read(tmp_path, "serve")
        assert sign is not None and sign.probes == running.url


def test_other_machines_need_the_token_for_the_metrics(place: Place, tmp_path: Path) -> None:
    with served(place, tmp_path, HTTP_HOST="0.0.0.0") as running:
        token = (tmp_path / "secrets" / "api-token").read_text(encoding="ascii")
        assert httpx.get(f"{running.url}/metrics").status_code == 401
        assert httpx.get(f"{running.url}/readyz").status_code in (200, 503)
        told = httpx.get(f"{running.url}/metrics", headers={"Authorization": f"Bearer {token}"})
        assert "forewarn_serve_request_seconds_count" in told.text
