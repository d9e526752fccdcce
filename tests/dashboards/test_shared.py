"""One query for all who look, and what they see while the store is away."""

from __future__ import annotations

import asyncio

from dashboards.shared import Shared, SharedByKey
from dashboards.store import UnreachableError
from streams.clock import ManualClock


class Figures:
    """Counts how often it is read; fails or hangs on command."""

    def __init__(self) -> None:
        self.reads = 0
        self.away = False
        self.gate = asyncio.Event()
        self.gate.set()

    async def read(self) -> int:
        self.reads += 1
        await self.gate.wait()
        if self.away:
            raise UnreachableError
        return self.reads


async def test_many_viewers_are_one_query() -> None:
    figures, clock = Figures(), ManualClock(1_000_000)
    shared = Shared(figures.read, clock)
    seen = await asyncio.gather(*(shared.get() for _ in range(50)))
    assert {one.value for one in seen} == {1} and figures.reads == 1
    clock.move(1000)
    assert (await shared.get()).value == 1
    clock.move(1000)
    assert (await shared.get()).value == 2


async def test_while_the_store_is_away_the_last_figures_stay_and_say_since_when() -> None:
    figures, clock = Figures(), ManualClock(1_000_000)
    shared = Shared(figures.read, clock)
    await shared.get()
    figures.away = True
    clock.move(2000)
    first = await shared.get()
    clock.move(60_000)
    later = await shared.get()
    assert (first.value, first.as_of, first.failing_since) == (1, 1_000_000, 1_002_000)
    assert later == first
    figures.away = False
    clock.move(2000)
    back = await shared.get()
    assert back.failing_since is None and back.value == figures.reads


async def test_whatever_goes_wrong_shows_as_old_figures() -> None:
    async def read() -> int:
        raise RuntimeError

    seen = await Shared(read, ManualClock(5000)).get()
    assert (seen.value, seen.failing_since) == (None, 5000)


async def test_a_store_that_hangs_keeps_nobody_waiting() -> None:
    figures = Figures()
    shared = Shared(figures.read, ManualClock(5000), patience_s=0.05)
    figures.gate.clear()
    seen = await asyncio.wait_for(shared.get(), 2)
    assert (seen.value, seen.failing_since) == (None, 5000)
    figures.gate.set()
    async with asyncio.timeout(2):
        while (await shared.get()).value is None:
            await asyncio.sleep(0)
    assert (await shared.get()).failing_since is None


async def test_a_change_during_a_read_is_read_again() -> None:
    figures = Figures()
    shared = Shared(figures.read, ManualClock(5000), patience_s=0.05)
    figures.gate.clear()
    await shared.get()
    shared.expire()
    figures.gate.set()
    async with asyncio.timeout(2):
        while figures.reads < 2:
            await shared.get()


async def test_only_what_was_looked_at_lately_is_kept() -> None:
    reads: list[str] = []

    async def read(key: str) -> str:
        reads.append(key)
        return key.upper()

    kept = SharedByKey(read, ManualClock(5000), most=2)
    for key in ("a", "b", "a", "c", "a", "b"):
        assert (await kept.get(key)).value == key.upper()
    assert reads == ["a", "b", "c", "b"]
