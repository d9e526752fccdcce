"""Draws the picture of the board for the documentation: ``python -m tests.dashboards.picture docs/images/board.png``.

What it shows is made up (:mod:`tests.dashboards.scene`).
"""

from __future__ import annotations

import sys
import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path

from connectors import clickhouse as store
from connectors.control import ControlStore
from connectors.embedded import ClickHouseServer, free_port
from streams.clock import millis
from tests.browser import launched
from tests.dashboards.conftest import Place
from tests.dashboards.scene import FIRMS, HOSTILE_ID, Scene, alert_id
from tests.dashboards.serving import served


def draw(target: Path) -> None:
    """Start everything on made-up data, and photograph the wall."""
    with tempfile.TemporaryDirectory() as temporary:
        directory = Path(temporary)
        password = "of-this-picture-only"
        with ClickHouseServer(
            directory / "clickhouse", free_port(), password, reader_password=f"{password}-2"
        ) as server:
            place = Place(server.url, server.user, server.password, "picture")
            firms = [firm for firm in FIRMS if firm.enterprise_id != HOSTILE_ID]
            now = datetime.now(UTC)
            Scene(store.client(place, database=""), place.clickhouse_database, now).fill(firms)
            control = ControlStore(f"sqlite:///{directory / 'control.db'}")
            control.upgrade()
            for firm, actor in ((FIRMS[1], "王芳"), (FIRMS[4], "李强")):
                seen = millis(now - timedelta(minutes=50))
                control.acknowledge(alert_id(firm), firm.enterprise_id, actor, "", now_ms=seen)
            control.close()
            with served(place, directory) as running, launched() as browser:
                page = browser.new_page(
                    viewport={"width": 1440, "height": 900}, timezone_id="Asia/Shanghai", locale="zh-CN"
                )
                page.goto(running.url)
                page.wait_for_selector("tbody tr")
                page.wait_for_timeout(2500)
                target.parent.mkdir(parents=True, exist_ok=True)
                page.screenshot(path=target)


if __name__ == "__main__":
    draw(Path(sys.argv[1]))
