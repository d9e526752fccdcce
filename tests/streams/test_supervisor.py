"""The supervisor, on small children."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from streams import health
from streams.clock import ManualClock, SystemClock
from streams.ownership import STOPPED_BY_DEAD_LETTERS
from streams.stack import FINAL_CODES, StackBusyError, claimed
from streams.supervisor import Backoff, Part, StartError, Step, Supervisor

QUICK = Backoff(first_s=0.05, cap_s=0.2)
SLEEP = "import time; time.sleep(600)"


class Said(list[tuple[str, str]]):
    """The combined log."""

    def __call__(self, part: str, line: str) -> None:
        self.append((part, line))

    def of(self, part: str) -> list[str]:
        return [line for name, line in self if name == part]


def python(name: str, code: str, **options: object) -> Part:
    return Part(name, [sys.executable, "-I", "-c", code], **options)  # type: ignore[arg-type]


async def eventually(question: Callable[[], bool], timeout_s: float = 20) -> None:
    async with asyncio.timeout(timeout_s):
        while not question():
            await asyncio.sleep(0.02)


def supervisor(tmp_path: Path, said: Said, *stages: list[Part | Step]) -> Supervisor:
    return Supervisor(stages, tmp_path / "logs", said, SystemClock(), QUICK)


async def test_a_stage_starts_when_all_of_the_one_before_is_ready(tmp_path: Path) -> None:
    said = Said()
    flag = tmp_path / "flag"
    opener = python("opener", f"import pathlib,time; time.sleep(.3); pathlib.Path({str(flag)!r}).touch(); {SLEEP}")
    first = Part(opener.name, opener.command, ready=lambda _pid: flag.exists())
    seen: list[bool] = []
    async with supervisor(tmp_path, said, [first], [Step("look", lambda: seen.append(flag.exists()))]).running():
        assert seen == [True]
        assert said.of("up") == ["opener: ready", "look: done"]


async def test_lines_go_to_the_combined_log_and_to_the_parts_own(tmp_path: Path) -> None:
    said = Said()
    code = f"import sys; print('out 100%s 风险', flush=True); print('err', file=sys.stderr, flush=True); {SLEEP}"
    async with supervisor(tmp_path, said, [python("talker", code)]).running():
        await eventually(lambda: len(said.of("talker")) == 2)
    assert said.of("talker") == ["out 100%s 风险", "err"]
    assert (tmp_path / "logs" / "talker.log").read_text(encoding="utf-8").splitlines() == said.of("talker")


async def test_a_part_that_ends_is_started_again_after_a_growing_wait(tmp_path: Path) -> None:
    said = Said()
    count = tmp_path / "count"
    code = f"open({str(count)!r}, 'a').write('x'); import time; time.sleep(.2); raise SystemExit(7)"
    async with supervisor(tmp_path, said, [python("crasher", code)]).running():
        await eventually(lambda: count.exists() and len(count.read_text()) >= 4)
    waits = [
        float(match[1]) for line in said.of("up") if (match := re.search(r"code 7; started again in (\S+) s", line))
    ]
    assert waits[:4] == [0.05, 0.1, 0.2, 0.2][: len(waits)]
    assert len(waits) >= 3


def test_the_wait_starts_over_after_a_stable_time_and_never_exceeds_the_cap() -> None:
    backoff = Backoff(first_s=1, cap_s=30)
    assert [backoff.delay(n) for n in (1, 2, 3, 6, 1000)] == [1, 2, 4, 30, 30]


async def test_a_killed_part_comes_back_and_the_others_do_not_notice(tmp_path: Path) -> None:
    said = Said()
    running = supervisor(tmp_path, said, [python("a", SLEEP), python("b", SLEEP)])
    async with running.running():
        before = running.pids
        os.kill(before["a"], signal.SIGKILL)
        await eventually(lambda: running.pids.get("a", before["a"]) != before["a"])
        assert running.pids["b"] == before["b"]
        assert any("signal SIGKILL" in line for line in said.of("up"))


async def test_stopping_goes_backwards_and_kills_what_does_not_stop(tmp_path: Path) -> None:
    said = Said()
    order = tmp_path / "order"

    def polite(name: str) -> str:
        note = f"(open({str(order)!r}, 'a').write('{name} '), sys.exit(0))"
        return f"import signal,sys; signal.signal(15, lambda *_: {note}); print('up', flush=True); {SLEEP}"

    stubborn = f"import signal; signal.signal(15, signal.SIG_IGN); print('up', flush=True); {SLEEP}"
    running = supervisor(
        tmp_path,
        said,
        [python("broker", polite("broker"))],
        [python("worker", polite("worker"))],
        [python("stubborn", stubborn, stop_grace_s=0.3)],
    )
    await running.start()
    await eventually(lambda: sum(line == "up" for _, line in said) == 3)
    pids = running.pids
    await running.stop()
    assert order.read_text().split() == ["worker", "broker"]
    assert any("stubborn: did not stop within 0.3 s: killed" in line for line in said.of("up"))
    assert not any(psutil.pid_exists(pid) for pid in pids.values())


async def test_a_start_that_fails_tells_why_and_leaves_nothing_behind(tmp_path: Path) -> None:
    said = Said()
    broken = python("broken", "print('no such table'); raise SystemExit(1)", ready=lambda _pid: False)
    running = supervisor(tmp_path, said, [python("fine", SLEEP)], [broken])
    with pytest.raises(StartError, match=r"(?s)broken is not ready.*broken\.log.*no such table"):
        await running.run(asyncio.Event())
    assert running.pids == {}


async def test_a_step_that_fails_ends_the_start(tmp_path: Path) -> None:
    def fail() -> None:
        message = "topic state has 4 partitions"
        raise ValueError(message)

    running = supervisor(tmp_path, Said(), [python("fine", SLEEP)], [Step("topics", fail)])
    with pytest.raises(ValueError, match="4 partitions"):
        await running.run(asyncio.Event())
    assert running.pids == {}


async def test_a_part_that_an_operator_must_see_to_stays_down(tmp_path: Path) -> None:
    said = Said()
    code = "import time; time.sleep(.5); raise SystemExit(3)"
    running = supervisor(tmp_path, said, [python("scorer", code, final_codes=FINAL_CODES), python("other", SLEEP)])
    async with running.running():
        await eventually(lambda: any("stays down" in line for line in said.of("up")))
        assert set(running.pids) == {"other"}
    assert STOPPED_BY_DEAD_LETTERS in FINAL_CODES


async def test_a_part_that_hangs_is_restarted(tmp_path: Path) -> None:
    said = Said()
    sick: set[int] = set()
    part = python("hangs", SLEEP, healthy=lambda pid: pid not in sick, patience_s=0.2, stop_grace_s=0.2)
    running = supervisor(tmp_path, said, [part])
    async with running.running():
        before = running.pids["hangs"]
        sick.add(before)
        await eventually(lambda: running.pids.get("hangs", before) != before)
    assert any("no sign of life" in line for line in said.of("up"))


async def test_asking_to_stop_is_heard_during_the_start(tmp_path: Path) -> None:
    running = supervisor(tmp_path, Said(), [python("never", SLEEP, ready=lambda _pid: False)])
    stop = asyncio.Event()
    task = asyncio.create_task(running.run(stop))
    await eventually(lambda: "never" in running.pids)
    stop.set()
    await asyncio.wait_for(task, 10)
    assert running.pids == {}


async def test_a_second_request_ends_everything_at_once(tmp_path: Path) -> None:
    stubborn = f"import signal; signal.signal(15, signal.SIG_IGN); print('up', flush=True); {SLEEP}"
    said = Said()
    running = supervisor(tmp_path, said, [python("stubborn", stubborn, stop_grace_s=600)])
    await running.start()
    await eventually(lambda: said.of("stubborn") == ["up"])
    stopping = asyncio.create_task(running.stop())
    await eventually(lambda: "stubborn: stopping" in said.of("up"))
    running.kill()
    await asyncio.wait_for(stopping, 10)


OWNER = """
import asyncio, pathlib, signal, sys
from streams.clock import SystemClock
from streams.supervisor import Part, Supervisor
async def main():
    parts = [Part("child", [sys.executable, "-I", "-c", "import time; time.sleep(600)"], orphan_signal=signal.SIGKILL)]
    supervisor = Supervisor([parts], pathlib.Path(sys.argv[1]), lambda *_: None, SystemClock())
    async with supervisor.running():
        print(supervisor.pids["child"], flush=True)
        await asyncio.sleep(600)
asyncio.run(main())
"""


def test_children_end_when_the_supervisor_is_killed(tmp_path: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", OWNER, str(tmp_path)], stdout=subprocess.PIPE) as owner:
        assert owner.stdout is not None
        child = psutil.Process(int(owner.stdout.readline()))
        owner.kill()
    child.wait(10)


def test_one_directory_has_one_holder_and_a_killed_one_is_told(tmp_path: Path) -> None:
    with claimed(tmp_path) as crashed:
        assert not crashed
        with pytest.raises(StackBusyError, match=rf"process {os.getpid()}.*--data-dir"), claimed(tmp_path):
            pass
    with claimed(tmp_path) as crashed:
        assert not crashed
    (tmp_path / "run" / "up.lock").write_text("12345")
    with claimed(tmp_path) as crashed:
        assert crashed


async def test_a_beacon_tells_state_and_figures_and_grows_stale(tmp_path: Path) -> None:
    clock = ManualClock(1_000)
    beacon = health.Beacon(tmp_path, "recorder", clock)
    async with beacon.lit(lambda: {"lag": 5}):
        await eventually(lambda: health.read(tmp_path, "recorder") is not None)
        (sign,) = health.read_all(tmp_path)
        assert (sign.part, sign.pid, sign.state, sign.at_ms, sign.detail) == (
            "recorder", os.getpid(), "running", 1_000, {"lag": 5}
        )  # fmt: skip
        assert sign.alive
        assert sign.fresh(31_000)
        assert not sign.fresh(31_001)
    (last,) = health.read_all(tmp_path)
    assert last.state == "stopping"
    health.forget(tmp_path, "recorder")
    assert health.read_all(tmp_path) == []


@pytest.mark.parametrize(
    "content", ["", "{", "[]", '{"part": "x"}', '{"part":"x","pid":1,"state":"?","at_ms":1,"detail":{}}']
)
def test_what_is_not_a_beacon_is_passed_over(tmp_path: Path, content: str) -> None:
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "x.json").write_text(content)
    assert health.read_all(tmp_path) == []
