"""From settings to addresses: which stack this command belongs to and where its servers are.

A data directory is a stack. What was chosen when it was made (partitions, kind of time, ports) is written to its
``stack.toml``, so that ``forewarn sql`` and the others find a running stack without being told again.
"""

from __future__ import annotations

import os
import secrets
import tomllib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import tomli_w

from connectors.kafka.connection import Connection
from connectors.tls import SYSTEM, Certificates
from streams.settings import Settings

#: What belongs to a stack and not to one command.
KEPT = ("app", "zone", "stack_time", "partitions", "kafka_port", "clickhouse_port", "clickhouse_database", "http_port")


class StackMismatchError(ValueError):
    """The settings contradict what the stack was made with: use another data directory, or the old settings."""


@dataclass(frozen=True, slots=True)
class Endpoints:
    """Where a stack's servers are. ``control_url`` and the password never go to logs."""

    kafka: Connection
    clickhouse_url: str
    clickhouse_user: str
    clickhouse_password: str = field(repr=False)
    clickhouse_database: str
    control_url: str = field(repr=False)
    embedded_kafka: bool
    embedded_clickhouse: bool
    clickhouse_certificates: Certificates = SYSTEM


def load_settings(**given: Any) -> Settings:
    """Return the settings, completed from the data directory's ``stack.toml``.

    Parameters
    ----------
    given
        Settings from the command line; None counts as not given.

    Raises
    ------
    pydantic.ValidationError
        If a setting is wrong; the message names it.
    """
    chosen = {name: value for name, value in given.items() if value is not None}
    settings = Settings(**chosen)
    kept = read_stack(settings.data_dir)
    missing = {name: value for name, value in kept.items() if name not in settings.model_fields_set}
    return Settings(**chosen, **missing) if missing else settings


def read_stack(data_dir: Path) -> dict[str, Any]:
    """Return what the stack in a directory was made with; empty if there is none."""
    path = data_dir / "stack.toml"
    if not path.exists():
        return {}
    stored = tomllib.loads(path.read_text(encoding="utf-8"))
    return {name: stored[name] for name in KEPT if name in stored}


def write_stack(settings: Settings) -> None:
    """Note what the stack is made with.

    Raises
    ------
    StackMismatchError
        If it exists and was made with another partition count or kind of time.
    """
    kept = read_stack(settings.data_dir)
    for name in ("app", "zone", "stack_time", "partitions"):
        if name in kept and kept[name] != getattr(settings, name):
            message = (
                f"{settings.data_dir} was made with {name} = {kept[name]}, now {getattr(settings, name)} is asked for: "
                f"use another data directory (FOREWARN_DATA_DIR), or set FOREWARN_{name.upper()}={kept[name]}"
            )
            raise StackMismatchError(message)
    settings.data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
    values = {name: getattr(settings, name) for name in KEPT}
    replace_file(settings.data_dir / "stack.toml", tomli_w.dumps(values).encode())


def replace_file(path: Path, content: bytes, mode: int = 0o600) -> None:
    """Write a file so that a reader sees the old content or the new one, never half of it."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    fresh = path.with_name(f".{path.name}.{os.getpid()}.{secrets.token_hex(4)}")
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(path)


def own_secret(data_dir: Path, name: str) -> str:
    """Return a secret that this stack made for itself, making it at first use; the file is readable by its owner only.

    Safe when several processes ask at once: the first one to create the file decides.
    """
    path = data_dir / "secrets" / name
    if not path.exists():
        fresh = path.with_name(f".{name}.{secrets.token_hex(4)}")
        replace_file(fresh, secrets.token_urlsafe(24).encode())
        try:
            os.link(fresh, path)
        except FileExistsError:
            pass
        finally:
            fresh.unlink()
    return path.read_text(encoding="ascii")


def control_url(settings: Settings) -> str:
    """Return where the control store is."""
    return settings.control_url.get_secret_value() or f"sqlite:///{settings.data_dir / 'control.db'}"


def endpoints(settings: Settings) -> Endpoints:
    """Return where the stack's servers are: those named in the settings, else the embedded ones."""
    password = settings.clickhouse_password.get_secret_value()
    if not settings.clickhouse_url and not password:
        password = own_secret(settings.data_dir, "clickhouse-password")
    return Endpoints(
        kafka=settings.kafka_connection(),
        clickhouse_url=settings.clickhouse_url or f"http://127.0.0.1:{settings.clickhouse_port}",
        clickhouse_user=settings.clickhouse_user,
        clickhouse_password=password,
        clickhouse_database=settings.clickhouse_database,
        control_url=control_url(settings),
        embedded_kafka=not settings.kafka_bootstrap,
        embedded_clickhouse=not settings.clickhouse_url,
        clickhouse_certificates=settings.clickhouse_certificates,
    )
