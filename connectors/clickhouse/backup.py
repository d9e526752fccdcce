"""ClickHouse's own backup of our database, made and read by the server itself."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import NamedTuple

from clickhouse_connect.driver.client import Client

_NAME = r"[A-Za-z0-9_-]{1,64}"
_PATH = r"/?[A-Za-z0-9_-][A-Za-z0-9._-]*(?:/[A-Za-z0-9_-][A-Za-z0-9._-]*)*"
#: No part of a path begins with a dot, so none leads upwards. Keys of S3 stay in the server's named collections.
_PLACE = re.compile(
    rf"(?:Disk\('{_NAME}', ?'{_PATH}'\)|File\('{_PATH}'\)|S3\({_NAME}(?:, ?(?:filename ?= ?)?'{_PATH}')?\))", re.ASCII
)
_DATABASE = re.compile(r"[a-z_][a-z0-9_]*", re.ASCII)
_ENDED = {"BACKUP": "BACKUP_CREATED", "RESTORE": "RESTORED"}
_FAILED = {"BACKUP": "BACKUP_FAILED", "RESTORE": "RESTORE_FAILED"}


class BackupFailedError(RuntimeError):
    """ClickHouse could not do it; the message is its own."""


class Progress(NamedTuple):
    """How far ClickHouse is: files that are done, and files in all, as far as it knows."""

    done: int
    files: int


def place(text: str) -> str:
    """Return a place that ClickHouse may write a backup to, if it is one of the forms that we know.

    Raises
    ------
    ValueError
        If it is none of them: it becomes part of a statement, so nothing else is let through.

    Examples
    --------
    >>> place("Disk('backups', 'monday.zip')")
    "Disk('backups', 'monday.zip')"
    >>> place("Disk('backups', '../x') SETTINGS a = 1")
    Traceback (most recent call last):
    ValueError: not a place for a backup: Disk('DISK', 'NAME.zip'), File('NAME.tar.zst'), S3(COLLECTION, 'NAME')
    """
    if not _PLACE.fullmatch(text.strip()):
        message = "not a place for a backup: Disk('DISK', 'NAME.zip'), File('NAME.tar.zst'), S3(COLLECTION, 'NAME')"
        raise ValueError(message)
    return text.strip()


def back_up(client: Client, database: str, to: str, pause: Callable[[], None], say: Callable[[Progress], None]) -> None:
    """Let ClickHouse back a database up; returns when it is done.

    Parameters
    ----------
    client
        Its user needs the right BACKUP.
    database
        Name of the database.
    to
        See :func:`place`.
    pause
        Called between two looks at how far it is.
    say
        Told how far it is.

    Raises
    ------
    BackupFailedError
        If ClickHouse cannot do it.
    ValueError
        If ``to`` is no such place.
    """
    _run(client, "BACKUP", f"BACKUP DATABASE {_quoted(database)} TO {place(to)} ASYNC", pause, say)


def bring_back(
    client: Client, database: str, source: str, pause: Callable[[], None], say: Callable[[Progress], None]
) -> None:
    """Let ClickHouse restore a database from a backup; tables that hold rows are refused by ClickHouse.

    Parameters and errors are those of :func:`back_up`.
    """
    _run(client, "RESTORE", f"RESTORE DATABASE {_quoted(database)} FROM {place(source)} ASYNC", pause, say)


def _run(client: Client, kind: str, sql: str, pause: Callable[[], None], say: Callable[[Progress], None]) -> None:
    ((number, *_),) = client.query(sql).result_rows
    while True:
        found = client.query(
            "SELECT status, error, num_files, files_read FROM system.backups WHERE id = {id:String}",
            parameters={"id": str(number)},
        ).result_rows
        status, error, files, done = found[0] if found else ("unknown", "it was forgotten: did the server stop?", 0, 0)
        say(Progress(done, files))
        if status == _ENDED[kind]:
            return
        if status == _FAILED[kind] or not found:
            raise BackupFailedError(" ".join(str(error).split())[:500])
        pause()


def _quoted(database: str) -> str:
    if not _DATABASE.fullmatch(database):
        message = f"not a name of a database: {database!r}"
        raise ValueError(message)
    return f"`{database}`"
