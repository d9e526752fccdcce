"""The dead man's ping, against a real HTTP server."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from connectors.embedded import free_port
from connectors.webhook import Answer, Receiver, RefusedUrlError, Script
from streams import logs, metrics
from streams.clock import SystemClock
from streams.deadman import DeadMan
from streams.metrics import Metrics
from streams.settings import Settings

PATH = "/ping/9f7c2c0e-very-secret"


def settings_of(url: str, tmp_path: Path, **more: Any) -> Settings:
    return Settings(
        data_dir=tmp_path, deadman_url=url, deadman_interval_s=1, **({"webhook_allow_private": True} | more)
    )


@asynccontextmanager
async def running(deadman: DeadMan, not_ready: Callable[[], str]) -> AsyncIterator[None]:
    task = asyncio.create_task(deadman.run(not_ready))
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def until(reached: Callable[[], bool], seconds: float = 15) -> None:
    async with asyncio.timeout(seconds):
        while not reached():
            await asyncio.sleep(0.02)


async def test_it_calls_while_all_is_ready_and_is_silent_while_something_is_not(tmp_path: Path) -> None:
    counts, reason = Metrics("supervisor"), "recorder: waits for a server"
    with Receiver() as receiver:
        deadman = DeadMan(settings_of(f"http://127.0.0.1:{receiver.port}{PATH}", tmp_path), SystemClock(), counts)
        async with running(deadman, lambda: reason):
            await until(lambda: counts.value(metrics.PINGS, "held") >= 1)
            assert receiver.requests == []
            reason = ""
            await until(lambda: len(receiver.requests) >= 2)
            reason = "scorer-0: is not there"
            held = counts.value(metrics.PINGS, "held")
            await until(lambda: counts.value(metrics.PINGS, "held") >= held + 2)
            called = len(receiver.requests)
        assert called == counts.value(metrics.PINGS, "sent")
        assert {request.path for request in receiver.requests} == {PATH}
        assert all(request.body == b"" for request in receiver.requests)
        assert counts.value(metrics.LAST_PING) > 0


async def test_the_url_is_in_no_log_however_the_call_fails(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    counts = Metrics("supervisor")
    with Receiver(Script(Answer(500), Answer(301, {"location": "http://127.0.0.1/"}))) as receiver:
        settings = settings_of(f"http://127.0.0.1:{receiver.port}{PATH}", tmp_path, log_level="debug")
        logs.configure(settings, "up")
        async with running(DeadMan(settings, SystemClock(), counts), str):
            await until(lambda: counts.value(metrics.PINGS, "sent") >= 1)
        assert counts.value(metrics.PINGS, "failed") == 2
    away = settings_of(f"http://127.0.0.1:{free_port()}{PATH}", tmp_path, log_level="debug")
    async with running(DeadMan(away, SystemClock(), counts), str):
        await until(lambda: counts.value(metrics.PINGS, "failed") >= 3)
    said = capsys.readouterr().err
    assert "http-500" in said and "redirect" in said and "connection" in said
    assert "very-secret" not in said and str(receiver.port) not in said
    assert PATH not in repr(settings) and PATH not in str(settings.model_dump())
    logging.getLogger().handlers.clear()


@pytest.mark.parametrize("url", ["http://hooks.example.com/ping", "https://10.0.0.7/ping", "https://u:p@example.com/"])
def test_where_webhooks_must_not_go_it_does_not_go(url: str, tmp_path: Path) -> None:
    with pytest.raises(RefusedUrlError) as refused:
        DeadMan(settings_of(url, tmp_path, webhook_allow_private=False), SystemClock(), Metrics("supervisor"))
    assert url not in str(refused.value)


async def test_without_a_url_nothing_runs(tmp_path: Path) -> None:
    deadman = DeadMan(Settings(data_dir=tmp_path), SystemClock(), Metrics("supervisor"))
    await asyncio.wait_for(deadman.run(str), 5)
