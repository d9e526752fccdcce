"""A PostgreSQL of one's own for tests: the installed server on a free port, with its data thrown away at the end."""

from __future__ import annotations

import os
import pwd
import secrets
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType

import psycopg
from psycopg import sql


def find_postgresql() -> Path | None:
    """Return the directory of PostgreSQL's programs, the newest installed; None if there is none."""
    on_path = shutil.which("initdb")
    packaged = sorted(
        Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda found: int(found.parent.parent.name.split(".")[0])
    )
    return packaged[-1].parent if packaged else Path(on_path).parent if on_path else None


class PostgreSQLServer:
    """A server on a loopback port. PostgreSQL refuses to run as root, so root hands it to the user ``postgres``."""

    def __init__(self, programs: Path) -> None:
        self._programs = programs
        self._password = secrets.token_urlsafe(12)
        # Short, for the socket's path; and not below pytest's directories, which only the own user may enter.
        self._directory = Path(tempfile.mkdtemp(prefix="forewarn-pg-"))
        self._user = pwd.getpwnam("postgres") if os.geteuid() == 0 else None
        if self._user is not None:
            os.chown(self._directory, self._user.pw_uid, self._user.pw_gid)
        self.port = 0

    def start(self) -> None:
        """Make a cluster and serve it; returns when it takes connections."""
        password = self._directory / "password"
        password.write_text(self._password, encoding="ascii")
        data = str(self._directory / "data")
        self._run("initdb", "-D", data, "-U", "forewarn", "-A", "scram-sha-256", f"--pwfile={password}", "-E", "UTF8",
                  "--locale=C", "--no-sync")  # fmt: skip
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        options = (
            f"-p {self.port} -c listen_addresses=127.0.0.1 -k {self._directory} -c fsync=off -c shared_buffers=16MB"
        )
        self._run("pg_ctl", "-D", data, "-o", options, "-l", str(self._directory / "log"), "-w", "-t", "60", "start")

    def stop(self) -> None:
        """Stop it and delete its data."""
        self._run("pg_ctl", "-D", str(self._directory / "data"), "-m", "immediate", "-w", "stop")
        shutil.rmtree(self._directory)

    def fresh_database(self) -> str:
        """Make an empty database and return its URL."""
        name = f"t_{secrets.token_hex(6)}"
        with psycopg.connect(self._url("postgres"), autocommit=True) as connection:
            connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        return self._url(name)

    def _url(self, database: str) -> str:
        return f"postgresql://forewarn:{self._password}@127.0.0.1:{self.port}/{database}"

    def _run(self, program: str, *arguments: str) -> None:
        environment: Mapping[str, str] = {"PATH": os.environ["PATH"], "LC_ALL": "C"}
        user = self._user
        # Not a pipe: the server inherits it and would keep it open.
        with tempfile.TemporaryFile() as said:
            done = subprocess.run(
                [str(self._programs / program), *arguments],
                cwd=self._directory,
                env=environment,
                stdout=said,
                stderr=said,
                user=user.pw_uid if user else None,
                group=user.pw_gid if user else None,
                extra_groups=[] if user else None,
                check=False,
            )
            if done.returncode:
                said.seek(0)
                message = f"{program} failed: {said.read().decode(errors='replace')[-2000:]}"
                raise RuntimeError(message)

    def __enter__(self) -> PostgreSQLServer:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
