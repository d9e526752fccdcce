"""Signs of life: each part says every second how it is, in a file that the supervisor and ``status`` read."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, get_args

import psutil

from streams import logs
from streams.clock import Clock, SystemClock
from streams.runtime import replace_file

State = Literal["starting", "running", "stopping"]
#: A part beats this often. Seconds.
INTERVAL_S = 1.0
#: A beacon older than this, of a process that lives, belongs to one that hangs. Milliseconds.
STALE_MS = 30_000

_log = logs.logger(__name__)


@dataclass(frozen=True, slots=True)
class Sign:
    """What a part last said.

    Parameters
    ----------
    part, pid
        Who said it.
    state
        What it is about; ``running`` once it does its work.
    at_ms
        When, by the machine's clock; milliseconds since the epoch.
    detail
        Figures of its own, for ``status``.
    not_ready
        Why it cannot do its work now; empty if it can.
    probes
        Where it answers ``/metrics``, ``/healthz`` and ``/readyz``; empty if nowhere.
    """

    part: str
    pid: int
    state: State
    at_ms: int
    detail: Mapping[str, Any] = field(default_factory=dict)
    not_ready: str = ""
    probes: str = ""

    @property
    def alive(self) -> bool:
        """Whether its process is still there."""
        try:
            return psutil.Process(self.pid).status() != psutil.STATUS_ZOMBIE
        except psutil.NoSuchProcess:
            return False

    def fresh(self, now_ms: int) -> bool:
        """Return whether it was said lately enough."""
        return now_ms - self.at_ms <= STALE_MS


class Beacon:
    """Says how one part is.

    Parameters
    ----------
    data_dir
        The stack's directory; the file is ``run/<part>.json`` in it.
    part
        Name of the part: ``scorer-0``, ``recorder`` …
    clock
        For the moment of each beat.

    Attributes
    ----------
    not_ready
        Asked at every beat why the part cannot do its work now; empty if it can. Must not block.
    probes
        Where the part answers probes.

    Examples
    --------
    A part with an event loop:

    >>> async def work(beacon: Beacon) -> None:
    ...     async with beacon.lit(lambda: {"lag": 0}):
    ...         ...  # whatever it does
    """

    def __init__(self, data_dir: Path, part: str, clock: Clock | None = None) -> None:
        self.part = part
        self.not_ready: Callable[[], str] = str
        self.probes = ""
        self._path = path_of(data_dir, part)
        self._clock = clock or SystemClock()
        self._beaten = self._clock.monotonic()

    @property
    def fresh(self) -> bool:
        """Whether it beats, as far as the part itself knows: a full disk may keep the others from seeing it."""
        return self._clock.monotonic() - self._beaten <= STALE_MS / 1000

    def beat(self, state: State = "running", **detail: Any) -> None:
        """Say it once. A full disk is logged and does not stop the part."""
        self._beaten = self._clock.monotonic()
        sign = {
            "part": self.part,
            "pid": os.getpid(),
            "state": state,
            "at_ms": self._clock.now_ms(),
            "detail": detail,
            "not_ready": self.not_ready() if state == "running" else state,
            "probes": self.probes,
        }
        try:
            replace_file(self._path, json.dumps(sign, ensure_ascii=False, default=str).encode())
        except OSError as error:
            _log.warning("cannot say how we are", path=str(self._path), error=str(error))

    @asynccontextmanager
    async def lit(self, detail: Callable[[], Mapping[str, Any]] = dict) -> AsyncIterator[None]:
        """Say ``running`` every second inside the block, and ``stopping`` at its end.

        Parameters
        ----------
        detail
            Asked for the part's figures at every beat; must not block.
        """
        beating = asyncio.create_task(self._beat_on(detail))
        try:
            yield
        finally:
            beating.cancel()
            self.beat("stopping", **detail())

    async def _beat_on(self, detail: Callable[[], Mapping[str, Any]]) -> None:
        while True:
            self.beat("running", **detail())
            await asyncio.sleep(INTERVAL_S)


def path_of(data_dir: Path, part: str) -> Path:
    """Return where a part's beacon is."""
    return data_dir / "run" / f"{part}.json"


def read(data_dir: Path, part: str) -> Sign | None:
    """Return what a part last said; None if it never did, or what is there is not a beacon."""
    try:
        said = json.loads(path_of(data_dir, part).read_bytes())
        sign = Sign(
            str(said["part"]),
            int(said["pid"]),
            said["state"],
            int(said["at_ms"]),
            dict(said["detail"]),
            str(said.get("not_ready", "")),
            str(said.get("probes", "")),
        )
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return sign if sign.state in get_args(State) else None


def read_all(data_dir: Path) -> list[Sign]:
    """Return what every part last said, by name."""
    names = sorted(path.stem for path in (data_dir / "run").glob("[a-z]*.json"))
    return [sign for name in names if (sign := read(data_dir, name)) is not None]


def forget(data_dir: Path, part: str) -> None:
    """Remove a part's beacon: it was stopped on purpose."""
    path_of(data_dir, part).unlink(missing_ok=True)
