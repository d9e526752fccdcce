"""One query for all who look: figures that are read at most once per time to live, however many browsers show them."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Hashable
from dataclasses import dataclass
from typing import Generic, TypeVar

from dashboards.store import UnreachableError
from streams.clock import Clock
from streams.logs import logger

log = logger(__name__)
T = TypeVar("T")
K = TypeVar("K", bound=Hashable)

#: How long figures are shown without asking again. Seconds.
TTL_S = 1.5
#: A read that takes longer counts as failing; its answer still comes in when it is there. Seconds.
PATIENCE_S = 4.0


@dataclass(frozen=True, slots=True)
class Seen(Generic[T]):
    """Figures as last read.

    Parameters
    ----------
    value
        None if they were never read.
    as_of
        When they were read; 0 if never. Milliseconds.
    failing_since
        Since when reading fails; None while it works. Milliseconds.
    """

    value: T | None = None
    as_of: int = 0
    failing_since: int | None = None


class Shared(Generic[T]):
    """Figures that many look at.

    Parameters
    ----------
    read
        Reads them anew; may raise :class:`UnreachableError`, and anything else is logged and counts as the same.
    clock
        Tells the time.
    ttl_s, patience_s
        See :data:`TTL_S` and :data:`PATIENCE_S`.
    """

    def __init__(
        self, read: Callable[[], Awaitable[T]], clock: Clock, ttl_s: float = TTL_S, patience_s: float = PATIENCE_S
    ) -> None:
        self._read, self._clock = read, clock
        self._ttl_s, self._patience_s = ttl_s, patience_s
        self._seen: Seen[T] = Seen()
        self._next = float("-inf")
        self._changed = False
        self._reading: asyncio.Task[None] | None = None

    async def get(self) -> Seen[T]:
        """Return the figures, read anew if they are older than the time to live. Never raises, never waits long."""
        if self._reading is None and self._clock.monotonic() >= self._next:
            self._reading = asyncio.create_task(self._refresh(self._clock.now_ms()))
        if self._reading is not None:
            patience = self._patience_s if self._seen.failing_since is None else 0.2
            await asyncio.wait({self._reading}, timeout=patience)
        return self._seen

    def expire(self) -> None:
        """Read anew at the next call: something was just changed, which a read under way may not have seen."""
        self._changed = True
        self._next = float("-inf")

    async def _refresh(self, began: int) -> None:
        self._changed = False
        overdue = asyncio.get_running_loop().call_later(self._patience_s * 0.9, self._fail, began)
        try:
            value = await self._read()
        except UnreachableError as error:
            if self._seen.failing_since is None:
                log.warning("the data store does not answer", error=str(error))
            self._fail(began)
        except Exception:
            # Whatever it was: those who look must learn that the figures are old.
            log.exception("figures could not be read")
            self._fail(began)
        else:
            if self._seen.failing_since is not None:
                log.info("the data store answers again")
            self._seen = Seen(value, self._clock.now_ms())
        finally:
            overdue.cancel()
            self._next = float("-inf") if self._changed else self._clock.monotonic() + self._ttl_s
            self._reading = None

    def _fail(self, began: int) -> None:
        if self._seen.failing_since is None:
            self._seen = Seen(self._seen.value, self._seen.as_of, began)


class SharedByKey(Generic[K, T]):
    """Shared figures of many objects; the ones not looked at for longest are forgotten.

    Parameters
    ----------
    read
        Reads the figures of one object.
    clock
        Tells the time.
    most
        How many objects are kept.
    """

    def __init__(self, read: Callable[[K], Awaitable[T]], clock: Clock, most: int = 256) -> None:
        self._read, self._clock, self._most = read, clock, most
        self._kept: OrderedDict[K, Shared[T]] = OrderedDict()

    async def get(self, key: K) -> Seen[T]:
        """Return the figures of one object, as :meth:`Shared.get` does."""
        if key not in self._kept:
            self._kept[key] = Shared(lambda: self._read(key), self._clock)
        self._kept.move_to_end(key)
        while len(self._kept) > self._most:
            self._kept.popitem(last=False)
        return await self._kept[key].get()

    def expire(self, key: K) -> None:
        """Read one object anew at the next call."""
        if key in self._kept:
            self._kept[key].expire()
