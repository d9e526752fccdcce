"""Under which conditions a figure was measured: printed with every result."""

from __future__ import annotations

import os
import platform
from importlib.metadata import version

PACKAGES = ("aiokafka", "chdb", "faust-streaming", "msgspec", "pydantic", "river")


def conditions() -> dict[str, object]:
    """Return the machine, its load and the versions that matter."""
    return {
        "cores": os.cpu_count(),
        "load_average": [round(load, 2) for load in os.getloadavg()],
        "python": platform.python_version(),
        "machine": platform.machine(),
        "packages": {name: version(name) for name in PACKAGES},
    }
