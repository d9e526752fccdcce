"""What a stack consists of: the servers, the topics and tables, the workers, in the order in which they start."""

from __future__ import annotations

import fcntl
import os
import signal
import sys
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import httpx
from tenacity import Retrying, retry_if_exception_type, stop_after_delay, wait_exponential

from connectors.clickhouse import UnavailableError, client, migrate
from connectors.embedded import ClickHouseServer, KafkaServer, PortTakenError, ensure_free
from connectors.kafka.admin import ensure_topics, listens, wait_until_serving
from connectors.topics import Topic, declared
from streams import health
from streams.ages import ages
from streams.clock import Clock
from streams.probes import HEALTH
from streams.runtime import KEPT, Endpoints, endpoints, own_secret, write_stack
from streams.settings import Settings
from streams.supervisor import Part, Show, Step, Supervisor

#: Exit codes after which a worker stays down: wrong settings, and the scorer's too many dead letters.
FINAL_CODES = frozenset({2, 3})
#: A server of somebody else that does not answer for so long is told of. Seconds.
_FOREIGN_S = 60.0
#: After a crash of the supervisor its servers still close their files. Seconds.
_LEFTOVERS_S = 20.0
_DAY_MS = 86_400_000
#: Parts that stand back when the processors are busy: a warning goes out before history is stored.
_NICE = {"recorder": 5, "clickhouse": 5}
#: A part that is asked whether it lives answers within so long. Seconds.
_ANSWER_S = 3.0


class StackBusyError(RuntimeError):
    """Another ``forewarn up`` runs on the data directory."""


def topics_of(settings: Settings) -> tuple[Topic, ...]:
    """Return the topics of a stack."""
    return declared(simulated=settings.simulated, retention_ms=int(settings.retention_days * _DAY_MS))


def parts_of(settings: Settings, scorers: int, clock: Clock, say: Callable[[str], None]) -> list[list[Part | Step]]:
    """Return what ``forewarn up`` runs, by stages.

    Parameters
    ----------
    settings
        Of the stack. A server of somebody else is waited for instead of started.
    scorers
        How many scorer processes.
    clock
        Tells how old a beacon is.
    say
        Told what takes long.
    """
    places = endpoints(settings)
    env = environment(settings)
    workers = [(f"scorer-{n}", ["scorer", "--worker-id", str(n)]) for n in range(scorers)]
    workers += [(name, [name]) for name in ("recorder", "notifier", "serve")]
    tables = Step("tables", lambda: _migrate(settings, places))
    topics = Step("topics", lambda: _make_topics(settings, places))
    clickhouse = _clickhouse(settings, places) if places.embedded_clickhouse else _foreign_clickhouse(places)
    first: list[Part | Step] = [clickhouse]
    second: list[Part | Step] = [tables]
    if places.embedded_kafka:
        server = embedded_kafka(settings, say)
        first.append(Step("kafka's files", server.prepare))
        second.append(_kafka(server))
    else:
        first.append(_foreign_kafka(places))
    return [first, second, [topics], [_worker(settings.data_dir, *worker, env, clock) for worker in workers]]


@asynccontextmanager
async def stack(
    settings: Settings,
    clock: Clock,
    show: Show,
    scorers: int = 1,
    extra: Sequence[Part | Step] = (),
) -> AsyncIterator[Supervisor]:
    """Claim a data directory and return the supervisor of its stack, not started yet.

    Parameters
    ----------
    settings, scorers
        See :func:`parts_of`.
    clock, show
        See :class:`Supervisor`.
    extra
        A last stage of one's own, for a demonstration.

    Raises
    ------
    StackBusyError
        If the data directory is in use by another one.
    StackMismatchError
        If the data directory was made with other settings.
    PortTakenError
        If a port that is needed is taken; nothing was started.

    Examples
    --------
    >>> async def main(settings: Settings, clock: Clock) -> None:
    ...     async with stack(settings, clock, print) as supervisor, supervisor.running():
    ...         ...  # everything is ready here
    """
    with claimed(settings.data_dir) as crashed_before:
        write_stack(settings)
        _check_ports(settings, _LEFTOVERS_S if crashed_before else 0.0)
        for sign in health.read_all(settings.data_dir):
            health.forget(settings.data_dir, sign.part)
        stages = parts_of(settings, scorers, clock, lambda text: show("up", text))
        yield Supervisor([*stages, list(extra)], settings.data_dir / "logs", show, clock)


@contextmanager
def claimed(data_dir: Path) -> Iterator[bool]:
    """Hold a data directory against others; yield whether its last holder was killed.

    Raises
    ------
    StackBusyError
        If it is held.
    """
    path = data_dir / "run" / "up.lock"
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    with path.open("a+") as lock:
        lock.seek(0)
        holder = lock.read().strip()
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            message = (
                f"`forewarn up` runs on {data_dir} already, as process {holder}: "
                "stop that one, or use another directory (--data-dir)"
            )
            raise StackBusyError(message) from None
        lock.truncate(0)
        lock.write(str(os.getpid()))
        lock.flush()
        yield bool(holder)
        lock.truncate(0)


def environment(settings: Settings) -> dict[str, str]:
    """Return the variables that tell a child which stack it belongs to."""
    kept = {f"FOREWARN_{name.upper()}": str(getattr(settings, name)) for name in KEPT}
    return {**kept, "FOREWARN_DATA_DIR": str(settings.data_dir), "PYTHONUNBUFFERED": "1"}


def embedded_kafka(settings: Settings, say: Callable[[str], None] = lambda _: None) -> KafkaServer:
    """Return the stack's own Kafka."""
    return KafkaServer(settings.data_dir / "kafka", settings.kafka_port, heap=settings.kafka_heap, say=say)


def embedded_clickhouse(settings: Settings, places: Endpoints) -> ClickHouseServer:
    """Return the stack's own ClickHouse; ``secrets/clickhouse-reader-password`` is the password of ``reader``."""
    return ClickHouseServer(
        settings.data_dir / "clickhouse",
        settings.clickhouse_port,
        places.clickhouse_password,
        places.clickhouse_user,
        own_secret(settings.data_dir, "clickhouse-reader-password"),
    )


def _kafka(server: KafkaServer) -> Part:
    return Part(
        "kafka",
        server.command(),
        ready=lambda _pid: server.ready(),
        healthy=lambda _pid: listens(server.bootstrap),
        patience_s=30.0,
        orphan_signal=signal.SIGTERM,
    )


def _clickhouse(settings: Settings, places: Endpoints) -> Part:
    server = embedded_clickhouse(settings, places)
    return Part(
        "clickhouse",
        server.command(),
        server.environment(),
        ready=lambda _pid: server.ready(),
        healthy=lambda _pid: server.ready(),
        patience_s=60.0,  # a heavy query may keep it busy
        orphan_signal=signal.SIGTERM,
        nice=_NICE.get("clickhouse", 0),
    )


def _worker(data_dir: Path, name: str, arguments: Sequence[str], env: dict[str, str], clock: Clock) -> Part:
    def runs(pid: int) -> bool:
        sign = health.read(data_dir, name)
        return sign is not None and sign.pid == pid and sign.state == "running"

    def lives(pid: int) -> bool:
        sign = health.read(data_dir, name)
        return sign is None or sign.pid != pid or sign.fresh(clock.now_ms()) or _answers(sign)

    def not_ready(pid: int) -> str:
        sign = health.read(data_dir, name)
        return "starts" if sign is None or sign.pid != pid else sign.not_ready

    return Part(
        name,
        [sys.executable, "-m", "streams.cli", *arguments],
        env,
        ready=runs,
        healthy=lives,
        not_ready=not_ready,
        final_codes=FINAL_CODES,
        nice=_NICE.get(name, 0),
    )


def _answers(sign: health.Sign) -> bool:
    """Whether a part whose beacon is old is well all the same: a full disk keeps beacons from being written."""
    if not sign.probes:
        return False
    try:
        return httpx.get(sign.probes + HEALTH, timeout=_ANSWER_S, trust_env=False).is_success
    except httpx.HTTPError:
        return False


def _foreign_kafka(places: Endpoints) -> Step:
    return Step("kafka", lambda: wait_until_serving(places.kafka, _FOREIGN_S))


def _foreign_clickhouse(places: Endpoints) -> Step:
    waiting = Retrying(
        stop=stop_after_delay(_FOREIGN_S),
        wait=wait_exponential(0.2, max=5),
        retry=retry_if_exception_type(UnavailableError),
        reraise=True,
    )
    return Step("clickhouse", lambda: waiting(lambda: client(places, database="").close()))


def _make_topics(settings: Settings, places: Endpoints) -> None:
    ensure_topics(places.kafka, topics_of(settings), settings.partitions)


def _migrate(settings: Settings, places: Endpoints) -> None:
    connection = client(places, database="")
    try:
        migrate(connection, places.clickhouse_database, ages(settings))
    finally:
        connection.close()


def _check_ports(settings: Settings, patience_s: float) -> None:
    """Raise if a port is taken, after some patience with what a killed supervisor left behind."""
    places = endpoints(settings)

    def check() -> None:
        if places.embedded_kafka:
            embedded_kafka(settings).check_ports()
        if places.embedded_clickhouse:
            embedded_clickhouse(settings, places).check_ports()
        ensure_free(settings.http_port, "The board", "FOREWARN_HTTP_PORT", settings.http_host)

    Retrying(
        stop=stop_after_delay(patience_s),
        wait=wait_exponential(0.2, max=1),
        retry=retry_if_exception_type(PortTakenError),
        reraise=True,
    )(check)
