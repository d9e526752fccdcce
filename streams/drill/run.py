"""Runs drills on private embedded stacks and accounts for each."""

from __future__ import annotations

import random
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from connectors.topics import JOURNAL
from connectors.webhook import Receiver, new_secret
from streams.bench.conditions import conditions
from streams.clock import Clock
from streams.drill.audit import Account, Ledger, audit
from streams.drill.drills import Drill
from streams.drill.load import SteadyLoad
from streams.drill.outages import small_disk
from streams.drill.pauses import pauses
from streams.drill.scene import Moody, NotPossibleError, Scene, Scorers
from streams.private import PrivateStack

#: Signals per second while a drill runs, and how long before and after the fault. Seconds.
RATE = 500
BEFORE_S, AFTER_S = 3.0, 2.0
PARTITIONS = 4
_SCORERS = (0, 1)
_PARTS = tuple(f"scorer-{number}" for number in _SCORERS)


class _Site(NamedTuple):
    """A stack with what belongs to it; several drills run on it in turn."""

    stack: PrivateStack
    mood: Moody
    receiver: Receiver
    scorers: Scorers
    ledger: Ledger


def run_drills(
    directory: Path, drills: Mapping[str, Drill], seed: int, clock: Clock, say: Callable[[str], None]
) -> dict[str, Any]:
    """Run drills one after the other: those that share a stack on one, each load with enterprises of its own.

    Parameters
    ----------
    directory
        Where the stacks may live.
    drills
        By name.
    seed
        Decides the random moments.
    clock
        For the signals' times, and to measure by.
    say
        Told what is being done.

    Returns
    -------
    dict
        ``drills``: by name, figures of this drill alone; ``not_run``: by name, why; ``conditions``.
    """
    figures: dict[str, dict[str, Any]] = {}
    not_run = {name: reason for name, drill in drills.items() if (reason := _hindrance(drill))}
    possible = {name: drill for name, drill in drills.items() if name not in not_run}
    for supervised in (True, False):
        here = {name: drill for name, drill in possible.items() if drill.supervised == supervised}
        if not here:
            continue
        with ExitStack() as open_until_then:
            disk: Path | None = None
            if any(drill.small_disk for drill in here.values()):
                try:
                    disk = open_until_then.enter_context(small_disk(directory / "disk"))
                except NotPossibleError as error:
                    not_run |= {name: str(error) for name, drill in here.items() if drill.small_disk}
            say("starting a private stack")
            site = open_until_then.enter_context(_site(directory, clock, disk, supervised=supervised))
            chosen = {name: drill for name, drill in here.items() if name not in not_run}
            figures |= _run_on(site, chosen, random.Random(seed), clock, say)
    return {"drills": figures, "not_run": not_run, "conditions": conditions()}


def _hindrance(drill: Drill) -> str:
    try:
        drill.check()
    except NotPossibleError as error:
        return str(error)
    return ""


@contextmanager
def _site(directory: Path, clock: Clock, disk: Path | None, *, supervised: bool) -> Iterator[_Site]:
    data_dir = directory / ("supervised" if supervised else "alone")
    settings: dict[str, Any] = {}
    if disk is not None:
        data_dir.mkdir(mode=0o700)
        (disk / "clickhouse").mkdir(mode=0o700)
        (data_dir / "clickhouse").symlink_to(disk / "clickhouse", target_is_directory=True)
        settings["control_url"] = f"sqlite:///{disk / 'control.db'}"
    mood = Moody(clock)
    with (
        Receiver(mood) as receiver,
        PrivateStack(
            data_dir, len(_SCORERS) if supervised else 0, stack_time="live", partitions=PARTITIONS, kafka_heap="256m",
            webhook_allow_private="true", **settings,
        ) as stack,
    ):  # fmt: skip
        scorers = Scorers(stack)
        try:
            if not supervised:
                for number in _SCORERS:
                    scorers.start(number)
            secret = {"FOREWARN_WEBHOOK_SECRET": new_secret()}
            stack.run("subscribe", receiver.url, "--minimum-level", "blue", "--json", env=secret)
            yield _Site(stack, mood, receiver, scorers, Ledger())
        finally:
            scorers.close()


def _run_on(
    site: _Site, drills: Mapping[str, Drill], chance: random.Random, clock: Clock, say: Callable[[str], None]
) -> dict[str, dict[str, Any]]:
    found = {}
    before = Account()
    for name, drill in drills.items():
        say(f"{name}: load, fault")
        done = _drill(site, name, drill, chance, clock)
        say(f"{name}: audit")
        after = audit(site.stack, site.receiver, site.ledger)
        found[name] = {**after.since(before), **done}
        before = after
    return found


def _drill(site: _Site, name: str, drill: Drill, chance: random.Random, clock: Clock) -> dict[str, Any]:
    """Do one drill; return the seconds from the end of the fault until all is scored, recorded and told, and more."""
    stack = site.stack
    journal = _ends(stack, JOURNAL)
    with SteadyLoad(stack.endpoints.kafka, name, RATE, clock, stack.settings.zone) as load:
        scene = Scene(name, stack, load, site.mood, site.scorers, chance, clock, site.ledger)
        scene.wait_until_shared(*_PARTS)
        time.sleep(BEFORE_S)
        drill.fault(scene)
        ended = clock.monotonic()
        scene.wait_until_shared(*_PARTS)
        time.sleep(AFTER_S)
        unloaded_ms = clock.now_ms()
    site.ledger.signals[name] += load.sent
    stack.wait_until_quiet()
    stack.wait_for("all webhooks delivered", stack.all_told, timeout_s=300.0)
    return {
        "recovery_s": round(clock.monotonic() - ended, 1),
        "pause_s": pauses(_checkpoints(stack, journal), scene.marks, unloaded_ms).figures(),
        **scene.figures,
    }


def _ends(stack: PrivateStack, topic: str) -> dict[int, int]:
    from connectors.kafka.admin import connected

    with connected(stack.endpoints.kafka) as admin:
        return admin.end_offsets([topic]).get(topic, {})


def _checkpoints(stack: PrivateStack, since: Mapping[int, int]) -> dict[int, list[int]]:
    """Return by partition group when its checkpoints were written. Milliseconds."""
    times: defaultdict[int, list[int]] = defaultdict(list)
    for row in stack.records(JOURNAL, since):
        times[row.partition].append(row.time)
    return times
