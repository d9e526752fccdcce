"""Runs drills on a private embedded stack and accounts for each."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from connectors.webhook import Receiver, new_secret
from streams.bench.conditions import conditions
from streams.clock import Clock
from streams.drill.audit import Account, audit
from streams.drill.faults import FAULTS, NOT_WRITTEN, Fault, Moody
from streams.drill.load import SteadyLoad
from streams.private import PrivateStack

#: Signals per second while a drill runs, and how long before and after the fault. Seconds.
RATE = 500
BEFORE_S, AFTER_S = 3.0, 2.0
PARTITIONS = 4


def run_drills(
    directory: Path, names: Sequence[str], seed: int, clock: Clock, say: Callable[[str], None]
) -> dict[str, object]:
    """Run drills one after the other on one stack of two scorers.

    Parameters
    ----------
    directory
        Where the stack may live.
    names
        Keys of :data:`streams.drill.faults.FAULTS`.
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
    chance, mood, drills = random.Random(seed), Moody(), {}
    say("starting a private stack")
    with (
        Receiver(mood) as receiver,
        PrivateStack(
            directory / "stack", 2, stack_time="live", partitions=PARTITIONS, kafka_heap="256m",
            webhook_allow_private="true",
        ) as stack,
    ):  # fmt: skip
        secret = {"FOREWARN_WEBHOOK_SECRET": new_secret()}
        stack.run("subscribe", receiver.url, "--minimum-level", "blue", "--json", env=secret)
        before = Account(0, 0, 0, 0, 0, [])
        for number, name in enumerate(names):
            say(f"{name}: load, fault")
            recovery_s = _drill(stack, mood, FAULTS[name], f"{name}-{number}", chance, clock)
            say(f"{name}: audit")
            after = audit(stack, receiver)
            drills[name] = _figures(before, after, recovery_s)
            before = after
    skipped = {name: "not asked for" for name in FAULTS if name not in names}
    return {"drills": drills, "not_run": {**skipped, **NOT_WRITTEN}, "conditions": conditions()}


def _drill(stack: PrivateStack, mood: Moody, fault: Fault, name: str, chance: random.Random, clock: Clock) -> float:
    """Do one drill; return the seconds from the end of the fault until all is scored, recorded and told."""
    with SteadyLoad(stack.endpoints.kafka, name, RATE, clock, stack.settings.zone):
        time.sleep(BEFORE_S)
        fault(stack, mood, chance)
        ended = clock.monotonic()
        time.sleep(AFTER_S)
    stack.wait_until_quiet()
    stack.wait_for("all webhooks delivered", stack.all_told, timeout_s=300.0)
    return clock.monotonic() - ended


def _figures(before: Account, after: Account, recovery_s: float) -> dict[str, object]:
    return {
        "sent": after.written - before.written,
        "scored": after.scored - before.scored,
        "lost": after.lost - before.lost,
        "duplicate_alert_ids": after.duplicate_alert_ids - before.duplicate_alert_ids,
        "state_mismatches": after.state_mismatches - before.state_mismatches,
        "recovery_s": round(recovery_s, 1),
        **({"differences": after.differences} if after.differences else {}),
    }
