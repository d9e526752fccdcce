"""The short drills, as an operator would run them: nothing lost, doubled or changed."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from streams.drill.drills import DRILLS, SHORT


@pytest.mark.stack
@pytest.mark.timeout(600)
def test_the_short_drills_lose_double_and_change_nothing() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "streams.cli", "drill", "--short", "--json"], capture_output=True, check=False
    )
    assert done.returncode == 0, done.stderr.decode()[-3000:]
    told = json.loads(done.stdout)
    assert told["drills"].keys() == SHORT.keys() <= DRILLS.keys()
    assert not told["not_run"]
    for name, figures in told["drills"].items():
        assert figures["scored"] == figures["sent"] > 0, name
        assert figures["alerts"] > 0, f"{name}: nothing was decided while it broke"
        broken = {key: figures[key] for key in ("lost", "duplicate_alert_ids", "state_mismatches")}
        assert not any(broken.values()), (name, broken, figures.get("differences"))
    assert told["drills"]["kill-scorer"]["pause_s"]["moved"]["max"] > 0
    assert told["drills"]["poison"]["dead_letters"] > 0
