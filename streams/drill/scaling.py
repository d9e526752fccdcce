"""Faults of scorers that nobody supervises: added, removed, restarted in turn, frozen, buggy, of another version."""

from __future__ import annotations

import signal
import subprocess
from collections.abc import Callable, Iterable

from connectors.topics import DEAD_LETTERS
from streams.clock import moment
from streams.drill.load import event
from streams.drill.scene import Scene

FROZEN_S = 60.0
FAULTY = "streams.drill.faulty_scorer"
#: What the topic set of another version lacks, in the drill of a rolling restart.
_UNKNOWN_TOPIC = "signals.sentiment"
_REFUSED_CODE = 2
_BUGS = 2


def scale(scene: Scene) -> None:
    """Go from one scorer to four and back to two under load, by starting and stopping processes only."""
    scorers = scene.scorers
    _change(scene, scorers.stop, [1], left=[0])
    _change(scene, scorers.start, [1, 2, 3], left=[0, 1, 2, 3])
    _change(scene, scorers.stop, [2, 3], left=[0, 1])


def _change(scene: Scene, do: Callable[[int], object], chosen: Iterable[int], *, left: Iterable[int]) -> None:
    """Start or stop some scorers, and note which groups moved to another one."""
    before = scene.stack.owners()
    mark = scene.mark()
    for number in chosen:
        do(number)
    after = scene.wait_until_shared(*(f"scorer-{number}" for number in left))
    mark.moved = {group for group, part in after.items() if before.get(group) != part}
    scene.sleep(2)  # every group writes a checkpoint again


def rolling_restart(scene: Scene) -> None:
    """Restart each scorer in turn; try one with another topic set in between, which must be refused."""
    _restart(scene, 0)
    scene.figures["refused"] = _try_other_topics(scene)
    _restart(scene, 1)


def _restart(scene: Scene, number: int) -> None:
    scene.mark(f"scorer-{number}")
    scene.scorers.stop(number)
    scene.scorers.start(number)
    scene.wait_until_shared("scorer-0", "scorer-1")
    scene.sleep(2)  # every group writes a checkpoint again


def _try_other_topics(scene: Scene) -> str:
    """Return the reason that a scorer of a version with other input topics gives for not starting."""
    log = scene.scorers.log(2)
    process = scene.scorers.start(2, "--without", _UNKNOWN_TOPIC, module=FAULTY)
    try:
        code = process.wait(60)
    except subprocess.TimeoutExpired:
        code = 0
    scene.scorers.stop(2)
    if code != _REFUSED_CODE:
        return ""
    return " ".join(log.read_text("utf-8", "replace").split("error:")[-1].split())


def freeze(scene: Scene) -> None:
    """Stop a scorer for a minute and wake it: the other one has taken over, and it must be fenced."""
    log = scene.scorers.log(1)
    known = log.stat().st_size
    scene.mark("scorer-1")
    scene.scorers.signal(1, signal.SIGSTOP)
    began = scene.clock.monotonic()
    scene.wait_until_shared("scorer-0")
    scene.sleep(max(0.0, FROZEN_S - (scene.clock.monotonic() - began)))
    scene.mark()
    scene.scorers.signal(1, signal.SIGCONT)
    after = scene.wait_until_shared("scorer-0", "scorer-1")
    scene.marks[-1].moved = {group for group, part in after.items() if part == "scorer-1"}
    with log.open("rb") as file:
        file.seek(known)
        scene.figures["fenced"] = b"Fenced" in file.read()


def engine_bug(scene: Scene) -> None:
    """Let the engine fail on some signals, each time that it meets them: they must be put aside, alone."""
    for number in (0, 1):
        scene.scorers.stop(number)
        scene.scorers.start(number, "--fail-on", "bug-", module=FAULTY)
    scene.wait_until_shared("scorer-0", "scorer-1")
    for number in range(_BUGS):
        scene.load.send_also(event(scene.name, 4_000 * (number + 1), moment(scene.clock.now_ms()), "bug"))
    scene.mark(moved=scene.groups)
    scene.stack.wait_for("the bugs put aside", lambda: _put_aside(scene) >= _BUGS)
    scene.figures["put_aside"] = _put_aside(scene)
    scene.mark(*(f"scorer-{number}" for number in (0, 1)))
    for number in (0, 1):
        scene.scorers.stop(number)
        scene.scorers.start(number)
    scene.wait_until_shared("scorer-0", "scorer-1")


def _put_aside(scene: Scene) -> int:
    return sum(b'"engine-error"' in (row.value or b"") for row in scene.stack.records(DEAD_LETTERS))
