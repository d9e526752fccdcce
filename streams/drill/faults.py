"""The faults: each does its harm to a loaded stack and returns when the stack can begin to recover."""

from __future__ import annotations

import random
import signal
import time
from collections.abc import Callable, Mapping
from functools import partial
from types import MappingProxyType

from kafka import KafkaProducer  # type: ignore[import-untyped]  # ships no types

from connectors.webhook import Answer, Request
from streams.private import PrivateStack

Fault = Callable[[PrivateStack, "Moody", random.Random], None]


class Moody:
    """Answers for a receiver that can be told to be down."""

    def __init__(self) -> None:
        self.down = False

    def __call__(self, _request: Request) -> Answer:
        """Answer 200, or 503 while down."""
        return Answer(503) if self.down else Answer()


def _wait_for_other_process(stack: PrivateStack, part: str, old: int) -> None:
    stack.wait_for(f"{part} started again", lambda: stack.pids().get(part, old) != old)


def kill(part: str, times: int = 1) -> Fault:
    """Return a fault: SIGKILL a part, at random moments; the supervisor starts it again."""

    def fault(stack: PrivateStack, _receiver: Moody, chance: random.Random) -> None:
        for _ in range(times):
            time.sleep(chance.uniform(0.2, 1.5))
            old = stack.pids()[part]
            stack.kill(part)
            _wait_for_other_process(stack, part, old)

    return fault


def freeze_scorer(stack: PrivateStack, _receiver: Moody, _chance: random.Random) -> None:
    """Stop a scorer for longer than its session, and wake it: others have taken over, and it must be fenced."""
    pid = stack.pids()["scorer-0"]
    stack.kill("scorer-0", signal.SIGSTOP)
    time.sleep(20)
    if stack.pids().get("scorer-0") == pid:
        stack.kill("scorer-0", signal.SIGCONT)


def scale(stack: PrivateStack, _receiver: Moody, _chance: random.Random) -> None:
    """Add two scorers under load and take them away again."""
    added = [stack.spawn("scorer", "--worker-id", str(number)) for number in (20, 21)]
    for name in ("scorer-20", "scorer-21"):
        stack.wait_for(f"{name} works", partial(stack.works, name))
    time.sleep(3)
    for process in added:
        process.send_signal(signal.SIGTERM)
    for process in added:
        process.wait(60)


def poison(stack: PrivateStack, _receiver: Moody, chance: random.Random) -> None:
    """Send records that are no signals."""
    producer = KafkaProducer(**stack.endpoints.kafka.kafka_python())
    try:
        for number in range(200):
            topic = chance.choice(["signals.electricity", "signals.litigation", "signals.tax"])
            value = chance.choice([b"\xff\xfe", b"{", b'{"v": 1}', b"[1, 2]", chance.randbytes(40)])
            producer.send(topic, value, partition=number % stack.settings.partitions)
        producer.flush(30)
    finally:
        producer.close()


def receiver_down(_stack: PrivateStack, receiver: Moody, _chance: random.Random) -> None:
    """Answer every webhook with 503 for a while."""
    receiver.down = True
    time.sleep(8)
    receiver.down = False


def everything(stack: PrivateStack, _receiver: Moody, _chance: random.Random) -> None:
    """SIGKILL the supervisor, whose children die with it, and start the stack again."""
    stack.crash()
    stack.start()


#: By name, in the order in which they are run.
FAULTS: Mapping[str, Fault] = MappingProxyType(
    {
        "kill-scorer": kill("scorer-0", times=3),
        "poison": poison,
        "freeze-scorer": freeze_scorer,
        "scale-scorers": scale,
        "kill-broker": kill("kafka"),
        "kill-recorder": kill("recorder"),
        "kill-clickhouse": kill("clickhouse"),
        "kill-notifier": kill("notifier"),
        "receiver-down": receiver_down,
        "kill-everything": everything,
    }
)
#: What `forewarn drill --short` runs.
SHORT = ("kill-scorer", "poison")
#: What should be drilled and is not yet, with the reason.
NOT_WRITTEN: Mapping[str, str] = MappingProxyType(
    {
        "broker-away-two-minutes": "the supervisor restarts a broker at once; the drill has to hold it back",
        "clickhouse-refuses-inserts": "the embedded ClickHouse has no switch for it yet",
        "disk-full": "needs a small tmpfs",
        "clock-shifted": "needs libfaketime",
        "engine-bug": "the scorer has no switch for it; tests/streams/test_scorer_stack.py plants one",
    }
)
