"""The order of a simulated stack for files that are in none, in bounded memory."""

from __future__ import annotations

import heapq
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from itertools import islice
from typing import IO, NamedTuple
from zoneinfo import ZoneInfo

from connectors.contract import Item, Rejected
from connectors.models import Enterprise, Signal
from connectors.recordtime import order_key

_IN_MEMORY = 50_000


class Keyed(NamedTuple):
    """An item and the key that it is ordered by: minute of its record time, rank of its topic."""

    key: tuple[int, int]
    item: Item


def in_order(read: Callable[[], Iterable[Item]], zone: ZoneInfo, ordered: bool | None = None) -> Iterator[Keyed]:
    """Yield items in order; equal keys keep their order.

    Unless the caller knows, a first pass finds out whether they are in order already. If not, they are sorted in runs
    that go to temporary files. Rejected rows come with the item before them, or first.

    Parameters
    ----------
    read
        Begins a new reading.
    zone
        In which days and months are calendar ones.
    ordered
        Whether they are in order; None: not known.
    """
    if ordered or (ordered is None and _is_ordered(read(), zone)):
        yield from _keyed(read(), zone)
    else:
        yield from _sorted(read(), zone)


def _keyed(items: Iterable[Item], zone: ZoneInfo) -> Iterator[Keyed]:
    key = (0, 0)
    for item in items:
        if not isinstance(item, Rejected):
            key = order_key(item, zone)
        yield Keyed(key, item)


def _is_ordered(items: Iterable[Item], zone: ZoneInfo) -> bool:
    last = (0, 0)
    for key, _ in _keyed(items, zone):
        if key < last:
            return False
        last = key
    return True


def _sorted(items: Iterable[Item], zone: ZoneInfo) -> Iterator[Keyed]:
    keyed = _keyed(items, zone)
    with ExitStack() as stack:
        runs: list[IO[bytes]] = []
        while chunk := list(islice(keyed, _IN_MEMORY)):
            yield from (Keyed((0, 0), item) for _, item in chunk if isinstance(item, Rejected))
            runs.append(stack.enter_context(tempfile.TemporaryFile()))
            for _, item in sorted(chunk, key=_key):
                if not isinstance(item, Rejected):
                    runs[-1].write(item.wire() + b"\n")
        yield from heapq.merge(*(_stored(run, zone) for run in runs), key=_key)


def _key(keyed: Keyed) -> tuple[int, int]:
    return keyed.key


def _stored(run: IO[bytes], zone: ZoneInfo) -> Iterator[Keyed]:
    run.seek(0)
    for line in run:
        item = (Enterprise if b'"names":' in line[:200] else Signal).model_validate_json(line)
        yield Keyed(order_key(item, zone), item)
