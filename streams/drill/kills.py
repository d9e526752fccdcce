"""Faults that end processes, and let the supervisor start them again."""

from __future__ import annotations

from collections.abc import Callable

from streams.drill.scene import Scene

SCORERS = ("scorer-0", "scorer-1")


def kill_scorers(times: int) -> Callable[[Scene], None]:
    """Return a fault: SIGKILL one of two scorers so many times, at random moments."""

    def fault(scene: Scene) -> None:
        for _ in range(times):
            scene.soon()
            victim = scene.chance.choice([part for part in SCORERS if part in scene.stack.pids()])
            scene.mark(victim)
            scene.kill(victim)
        scene.figures["kills"] = times

    return fault


def kill_one_of_two(scene: Scene) -> None:
    """SIGKILL one scorer, and let it come back while the other goes on."""
    scene.mark("scorer-1")
    scene.kill("scorer-1")
    scene.wait_until_shared(*SCORERS)


def kill_broker(scene: Scene) -> None:
    """SIGKILL the broker."""
    scene.mark(moved=scene.groups)
    scene.kill("kafka")


def kill_recorder(scene: Scene) -> None:
    """SIGKILL the recorder three times between its insert and its commit, as near as that can be hit."""
    _kill_at_work(scene, "recorder", 3, _wait_for_insert)


def _kill_at_work(scene: Scene, part: str, times: int, wait_for_work: Callable[[Scene], None]) -> None:
    """SIGKILL a part so many times, each time just after it has done something, and wait until it works again."""
    for _ in range(times):
        scene.soon()
        wait_for_work(scene)
        scene.kill(part)
        scene.stack.wait_for(f"{part} works", lambda: scene.stack.works(part))


def _wait_for_insert(scene: Scene) -> None:
    """Return as soon as a new row shows: its offset is not committed yet."""
    with scene.stack.client() as client:

        def rows() -> int:
            return int(client.query("SELECT count() FROM signals").result_rows[0][0])

        before = rows()
        scene.stack.wait_for("rows recorded", lambda: rows() > before, poll_s=0.005)


def kill_clickhouse(scene: Scene) -> None:
    """SIGKILL ClickHouse."""
    scene.kill("clickhouse")


def kill_notifier(scene: Scene) -> None:
    """SIGKILL the notifier twice while it delivers."""
    _kill_at_work(scene, "notifier", 2, _wait_for_webhook)


def _wait_for_webhook(scene: Scene) -> None:
    """Return as soon as one came: it is not noted as delivered yet."""
    told = len(scene.receiver.arrivals)
    scene.stack.wait_for("a webhook", lambda: len(scene.receiver.arrivals) > told, poll_s=0.005)


def kill_everything(scene: Scene) -> None:
    """SIGKILL the supervisor and all that it keeps at once, and start the stack again."""
    scene.mark(moved=scene.groups)
    scene.stack.crash()
    scene.stack.start()
