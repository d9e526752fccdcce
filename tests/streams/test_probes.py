"""What a process answers over HTTP, from its own event loop."""

from __future__ import annotations

import socket
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from connectors.embedded import free_port
from streams import health, metrics
from streams.clock import ManualClock
from streams.health import Beacon
from streams.metrics import Metrics
from streams.probes import Vitals, answering
from streams.settings import Settings


@pytest.fixture
async def http() -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(trust_env=False) as client:
        yield client


async def test_it_tells_metrics_life_and_readiness(tmp_path: Path, http: httpx.AsyncClient) -> None:
    clock, counts = ManualClock(1_000), Metrics("recorder")
    beacon = Beacon(tmp_path, "recorder", clock)
    reason = "waits for a server"
    beacon.not_ready = lambda: reason
    async with answering(Settings(data_dir=tmp_path), Vitals(counts, beacon)):
        beacon.beat()
        sign = health.read(tmp_path, "recorder")
        assert sign is not None and sign.probes == beacon.probes and sign.not_ready == reason
        place = sign.probes
        assert place.startswith("http://127.0.0.1:")

        counts.count(metrics.ROWS, 5, "signals")
        page = await http.get(f"{place}/metrics")
        assert page.headers["content-type"].startswith("text/plain; version=")
        assert 'forewarn_recorder_rows_total{table="signals"} 5.0' in page.text
        assert "forewarn_ready 0.0" in page.text

        told = await http.get(f"{place}/readyz")
        assert (told.status_code, told.json()) == (503, {"ready": False, "reason": reason})
        reason = ""
        assert (await http.get(f"{place}/readyz")).status_code == 200
        assert "forewarn_ready 1.0" in (await http.get(f"{place}/metrics")).text

        assert (await http.get(f"{place}/healthz")).status_code == 200
        clock.move(health.STALE_MS + 1)  # the loop turns, but whoever should beat does not
        assert (await http.get(f"{place}/healthz")).status_code == 503
        assert (await http.get(f"{place}/anything")).status_code == 404
    with pytest.raises(httpx.ConnectError):
        await http.get(f"{place}/healthz")


async def test_a_port_of_its_own_from_the_first_one_and_another_if_it_is_taken(
    tmp_path: Path, http: httpx.AsyncClient
) -> None:
    first = free_port() - 13 if free_port() > 2_000 else 0
    settings = Settings(data_dir=tmp_path, metrics_port=first)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        clashing = settings.model_copy(update={"metrics_port": taken.getsockname()[1] - 2})
        beacon = Beacon(tmp_path, "notifier")
        async with answering(clashing, Vitals(Metrics("notifier"), beacon)):
            assert (await http.get(f"{beacon.probes}/healthz")).status_code == 200
            assert not beacon.probes.endswith(f":{taken.getsockname()[1]}")
    scorer = Beacon(tmp_path, "scorer-3")
    async with answering(settings, Vitals(Metrics("scorer"), scorer)):
        assert scorer.probes.endswith(f":{first + 13}")
