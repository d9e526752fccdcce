"""What a stretch of work took: wall time and processor time, of processes that are watched from outside."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass

import psutil


@dataclass(frozen=True, slots=True)
class Pace:
    """How fast signals were worked off.

    Parameters
    ----------
    signals
        How many.
    seconds
        Wall time.
    cpu_s
        Processor time of the processes that did it, user and system.
    """

    signals: int
    seconds: float
    cpu_s: float

    @property
    def signals_per_s(self) -> float:
        """Signals per second of wall time."""
        return self.signals / self.seconds

    @property
    def us_per_signal(self) -> float:
        """Processor time per signal, microseconds."""
        return self.cpu_s * 1e6 / self.signals

    def as_json(self) -> dict[str, float]:
        """Return it as plain values."""
        return {
            "signals_per_s": round(self.signals_per_s, 1),
            "us_per_signal": round(self.us_per_signal, 3),
            "signals": self.signals,
            "seconds": round(self.seconds, 3),
            "cores": round(self.cpu_s / self.seconds, 2),
        }


def cpu_s(processes: Mapping[str, psutil.Process]) -> dict[str, float]:
    """Return the processor time that each process that is still there has used, seconds."""
    used = {}
    for name, process in processes.items():
        with suppress(psutil.NoSuchProcess):
            times = process.cpu_times()
            used[name] = times.user + times.system
    return used
