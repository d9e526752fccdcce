"""Under which conditions a figure was measured: printed with every result."""

from __future__ import annotations

import os
import platform
from importlib.metadata import version

import psutil

PACKAGES = ("aiokafka", "chdb", "faust-streaming", "msgspec", "pydantic", "river")


def load_average() -> list[float]:
    """Return how many processes wanted a core on average: over 1, 5 and 15 minutes."""
    return [round(load, 2) for load in os.getloadavg()]


def conditions(before: list[float] | None = None) -> dict[str, object]:
    """Return the machine, its load and the versions that matter.

    Parameters
    ----------
    before
        The load average before the measurement, so that what others did at the time can be told from our own load.
    """
    measured = {} if before is None else {"load_average_before": before}
    return {
        "cores": os.cpu_count(),
        "memory_gib": round(psutil.virtual_memory().total / 2**30, 1),
        **measured,
        "load_average": load_average(),
        "python": platform.python_version(),
        "machine": platform.machine(),
        "packages": {name: version(name) for name in PACKAGES},
    }
