"""What a supervisor tells of its stack, on small children."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

from connectors.webhook import Receiver, RefusedUrlError
from streams import health, metrics
from streams.clock import SystemClock
from streams.overseeing import PART, TARGETS, overseeing
from streams.settings import Settings
from streams.supervisor import Backoff, Part, Supervisor

SLEEP = "import time; time.sleep(600)"


async def until(reached: Callable[[], bool], seconds: float = 20) -> None:
    async with asyncio.timeout(seconds):
        while not reached():
            await asyncio.sleep(0.02)


def supervisor(tmp_path: Path, *parts: Part) -> Supervisor:
    return Supervisor([parts], tmp_path / "logs", lambda *_: None, SystemClock(), Backoff(0.05, 0.1))


def part(name: str, reasons: dict[str, str]) -> Part:
    return Part(name, [sys.executable, "-I", "-c", SLEEP], not_ready=lambda _pid: reasons.get(name, ""))


async def test_it_tells_who_is_up_and_why_not_all_is_ready_and_pings_only_while_all_is(tmp_path: Path) -> None:
    reasons: dict[str, str] = {}
    running = supervisor(tmp_path, part("recorder", reasons), part("notifier", reasons))
    with Receiver() as receiver:
        settings = Settings(
            data_dir=tmp_path, deadman_url=f"http://127.0.0.1:{receiver.port}/", deadman_interval_s=1,
            webhook_allow_private=True,
        )  # fmt: skip
        async with overseeing(settings, SystemClock(), running) as counts, httpx.AsyncClient() as http:
            await until(lambda: health.read(tmp_path, PART) is not None)
            sign = health.read(tmp_path, PART)
            assert sign is not None and sign.not_ready == "starting"
            assert (await http.get(f"{sign.probes}/readyz")).status_code == 503
            async with running.running():
                await until(lambda: len(receiver.requests) >= 1)
                assert (await http.get(f"{sign.probes}/readyz")).status_code == 200
                targets = json.loads((tmp_path / TARGETS).read_bytes())
                assert {"targets": [sign.probes.removeprefix("http://")], "labels": {"part": PART}} in targets

                os.kill(running.pids["notifier"], signal.SIGKILL)
                await until(lambda: running.restarts["notifier"] == 1)
                page = (await http.get(f"{sign.probes}/metrics")).text
                assert 'forewarn_supervisor_restarts_total{process="notifier"} 1.0' in page
                assert 'forewarn_supervisor_up{process="recorder"} 1.0' in page

                reasons["recorder"] = "waits for a server"
                held = counts.value(metrics.PINGS, "held")
                await until(lambda: counts.value(metrics.PINGS, "held") > held)
                pings = len(receiver.requests)
                told = await http.get(f"{sign.probes}/readyz")
                assert told.json() == {"ready": False, "reason": "recorder: waits for a server"}
                held = counts.value(metrics.PINGS, "held")
                await until(lambda: counts.value(metrics.PINGS, "held") > held)
                assert len(receiver.requests) == pings
                reasons.clear()
                await until(lambda: len(receiver.requests) > pings)
        assert health.read(tmp_path, PART) is None, "a clean stop leaves no sign that could be taken for a dead one"


async def test_a_url_that_may_not_be_called_ends_the_start(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path, deadman_url="http://169.254.169.254/latest")
    with pytest.raises(RefusedUrlError):
        async with overseeing(settings, SystemClock(), supervisor(tmp_path)):
            pytest.fail("it must not start")
