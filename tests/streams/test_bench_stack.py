"""The measurements as commands, really run with tiny numbers: what they find is no business of a test, the keys are."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import psutil
import pytest

pytestmark = pytest.mark.stack


def run(directory: Path, *arguments: str) -> dict[str, Any]:
    """Run ``forewarn bench``; return the one JSON object on stdout. It must leave no process and no file behind."""
    kept = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    before = {process.pid for process in psutil.Process().children(recursive=True)}
    done = subprocess.run(
        [sys.executable, "-m", "streams.cli", "bench", *arguments, "--json"],
        env=kept | {"TMPDIR": str(directory)},
        capture_output=True,
        check=False,
        text=True,
    )
    assert done.returncode == 0, done.stderr[-3_000:]
    assert not any(directory.iterdir())
    assert {process.pid for process in psutil.Process().children(recursive=True)} <= before
    result: dict[str, Any] = json.loads(done.stdout)
    assert result["conditions"]["load_average_before"]
    return result


def test_score(tmp_path: Path) -> None:
    found = run(tmp_path, "score", "--enterprises", "400", "--signals", "4000", "--form", "compact", "--days", "1")
    bare = found["bare_loop"]
    assert found["signals_per_s"] > 0 < found["us_per_signal"]
    assert found["ratio_to_bare_loop"] == pytest.approx(found["signals_per_s"] / bare["signals_per_s"], abs=0.01)
    assert bare["signals"] == found["scorer"]["signals"] >= 4_000
    assert found["peers"]["aiokafka"] == bare
    assert found["peers"].keys() == {"aiokafka", "confluent", "bytewax", "quixstreams"}
    assert all("not_run" in peer for name, peer in found["peers"].items() if name != "aiokafka")
    assert found["dead_letters"] == 0


def test_live(tmp_path: Path) -> None:
    found = run(tmp_path, "live", "--rate", "4000", "--seconds", "3", "--enterprises", "1000")
    assert found["signals"] >= 12_000
    assert 0 < found["rate_kept"] <= 1.1 * found["rate"]
    assert 0 < found["p50_ms"] <= found["p99_ms"]
    assert found["decisions"] == {"expected": 1, "seen": 1}
    assert found["recorded_lag_s"] >= 0 == found["not_recorded"]
    assert {"producer", "kafka", "scorer-0", "recorder", "clickhouse"} <= found["cpu"].keys()
    assert found["state_mb_per_s"] > 0
    assert found["dead_letters"] == 0
