"""``forewarn backup`` and ``forewarn restore``: the control store, the secrets and the configuration in one file."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from streams.cli.common import AsJson, DataDir, err, fail, print_json, settings_for

if TYPE_CHECKING:
    from clickhouse_connect.driver.client import Client

    from connectors.clickhouse.backup import Progress as Files
    from streams.backup import Manifest
    from streams.runtime import Endpoints
    from streams.settings import Settings

_PAUSE_S = 0.2


def backup(
    target: Annotated[Path, typer.Argument(metavar="DIR|FILE", help="A directory, or the new file itself.")],
    clickhouse: Annotated[
        bool, typer.Option("--clickhouse", help="Let ClickHouse back its database up, too, by its own means.")
    ] = False,
    clickhouse_to: Annotated[
        str,
        typer.Option(help="Where: Disk('DISK', 'NAME.zip'), File('NAME.tar.zst') or S3(COLLECTION, 'NAME'), as the "
                     "server's configuration allows. The embedded server has a directory of its own."),
    ] = "",
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:  # fmt: skip
    """Back up subscriptions and all else in the control store, the secrets and the configuration; the stack may run.

    The file is readable by its owner only: it holds every subscriber's signing secret. Kafka's topics are not in it.

    Examples:

      forewarn backup /var/backups

      forewarn backup monday.zip --clickhouse --clickhouse-to "Disk('backups', 'monday.zip')"
    """
    from connectors.control import AWAY
    from connectors.control.archive import NoStoreError
    from streams.backup import BackupError, make, name_for
    from streams.clock import SystemClock

    settings = settings_for("backup", data_dir=data_dir)
    path = (target / name_for(settings.app, SystemClock()) if target.is_dir() else target).absolute()
    to = _place(clickhouse_to or (f"File('{path.stem}.tar.zst')" if not settings.clickhouse_url else ""), clickhouse)
    try:
        with _progress(as_json) as say:
            manifest = make(path, settings, SystemClock(), say)
    except (BackupError, NoStoreError, ValueError, OSError) as error:
        fail(str(error))
    except AWAY:
        fail("the control store cannot be read: check FOREWARN_CONTROL_URL, or the data directory")
    if clickhouse:
        from streams.runtime import endpoints

        with _clickhouse(settings, endpoints(settings), "is backed up", as_json) as (client, say_files):
            _back_up_clickhouse(client, settings, to, say_files)
    _tell(path, manifest, to if clickhouse else "", settings, as_json)


def restore(
    file: Annotated[Path, typer.Argument(help="What `forewarn backup` wrote.", exists=True, dir_okay=False)],
    only: Annotated[
        list[str] | None,
        typer.Option(
            "--only",
            metavar="control|secrets|configuration",
            help="Restore this alone; repeat it. Default: everything.",
        ),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace what is there and differs.")] = False,
    check_only: Annotated[bool, typer.Option("--check", help="Only check the file, and say what it holds.")] = False,
    clickhouse_from: Annotated[
        str, typer.Option(help="Let ClickHouse restore its database from here, too; as --clickhouse-to of backup.")
    ] = "",
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Put a backup back: into the data directory, and into the control store that FOREWARN_CONTROL_URL names.

    The stack must be stopped. Nothing is changed if the file is damaged, belongs to a newer version, or something that
    is there already differs (--force replaces it). The control store may be of another kind than the backup's: this is
    also the way from SQLite to PostgreSQL, with --only control.
    """
    from connectors.control import AWAY
    from connectors.control.archive import NewerStoreError
    from streams.backup import PIECES, BackupError, opened
    from streams.backup import restore as put_back
    from streams.clock import SystemClock
    from streams.stack import StackBusyError

    settings = settings_for("restore", data_dir=data_dir)
    source = _place(clickhouse_from, bool(clickhouse_from))
    pieces = [piece for piece in PIECES if piece in (only or PIECES)]
    if unknown := set(only or ()) - set(PIECES):
        fail(f"--only {', '.join(sorted(unknown))}: choose among {', '.join(PIECES)}", 2)
    try:
        with opened(file) as found:
            if check_only:
                _tell(file, found.manifest, "", settings, as_json)
                return
            with _progress(as_json) as say:
                done = put_back(found, settings, SystemClock(), say, pieces=pieces, force=force)
    except (BackupError, NewerStoreError, StackBusyError, ValueError, OSError) as error:
        fail(str(error))
    except AWAY:
        fail("the control store cannot be written: check FOREWARN_CONTROL_URL, or the data directory")
    if source:
        _restore_clickhouse(settings, source, as_json)
    if as_json:
        print_json({"restored": str(file), "rows": done.rows, "files": [str(path) for path in done.files]})
        return
    err.print(f"restored {done.rows:,} rows of the control store and {len(done.files)} files", markup=False)
    for path in done.files:
        err.print(f"  {path}", markup=False, soft_wrap=True)
    if done.rows:
        err.print(
            f"Alerts since the backup are queued again if Kafka forgets how far the notifier has read: delete the "
            f"consumer group {settings.app}-notifier before you start it (docs/upgrade.md).", soft_wrap=True,
        )  # fmt: skip


def _place(text: str, wanted: bool) -> str:
    from connectors.clickhouse.backup import place

    if not wanted:
        return ""
    try:
        return place(text)
    except ValueError as error:
        fail(f"--clickhouse-to, --clickhouse-from: {error}", 2)


@contextmanager
def _progress(as_json: bool) -> Iterator[Callable[[str, int, int], None]]:
    """Show a bar on stderr, for people."""
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

    if as_json:
        yield lambda *_: None
        return
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, console=err, transient=True) as bar:
        tasks: dict[str, Any] = {}

        def say(what: str, done: int, total: int) -> None:
            if what not in tasks:
                tasks[what] = bar.add_task(what, total=total)
            bar.update(tasks[what], completed=done, total=total)

        yield say


@contextmanager
def _clickhouse(
    settings: Settings, places: Endpoints, doing: str, as_json: bool
) -> Iterator[tuple[Client, Callable[[Files], None]]]:
    from clickhouse_connect.driver.exceptions import ClickHouseError

    from connectors.clickhouse import AccessError, UnavailableError, client
    from connectors.clickhouse.backup import BackupFailedError

    try:
        connection = client(places, database="")
        try:
            with _progress(as_json) as say:
                yield connection, lambda seen: say(f"ClickHouse {doing}", seen.done, max(seen.files, seen.done, 1))
        finally:
            connection.close()
    except UnavailableError as error:
        hint = f"; or copy {settings.data_dir / 'clickhouse'} while it is stopped" if places.embedded_clickhouse else ""
        fail(f"{error}: start the stack{hint}")
    except (AccessError, BackupFailedError, ClickHouseError) as error:
        fail(f"ClickHouse: {error}")


def _back_up_clickhouse(client: Client, settings: Settings, to: str, say: Callable[[Files], None]) -> None:
    from connectors.clickhouse.backup import back_up

    back_up(client, settings.clickhouse_database, to, _pause, say)


def _restore_clickhouse(settings: Settings, source: str, as_json: bool) -> None:
    from connectors.clickhouse.backup import bring_back
    from connectors.embedded import ServerError
    from streams.runtime import endpoints
    from streams.stack import embedded_clickhouse

    places = endpoints(settings)  # anew: its password may have been restored
    server: AbstractContextManager[Any] = (
        embedded_clickhouse(settings, places) if places.embedded_clickhouse else nullcontext()
    )
    try:
        with server, _clickhouse(settings, places, "is restored", as_json) as (client, say):
            bring_back(client, settings.clickhouse_database, source, _pause, say)
    except ServerError as error:
        fail(str(error))


def _pause() -> None:
    import threading

    threading.Event().wait(_PAUSE_S)


def _tell(path: Path, manifest: Manifest, clickhouse: str, settings: Settings, as_json: bool) -> None:
    if as_json:
        said = manifest.model_dump(mode="json")
        print_json({"file": str(path), "clickhouse": clickhouse or None, **said})
        return
    rows = sum(manifest.tables.values())
    others = [name for name in manifest.members if not name.startswith("control/")]
    held = f"{rows:,} rows of the control store (revision {manifest.revision}), {', '.join(others) or 'no files'}"
    err.print(f"{path}: {held}; made {manifest.made_at:%Y-%m-%d %H:%M} UTC", markup=False, soft_wrap=True)
    if clickhouse:
        where = f" in {settings.data_dir / 'clickhouse' / 'backups'}" if not settings.clickhouse_url else ""
        err.print(f"ClickHouse's own backup: {clickhouse}{where}", markup=False, soft_wrap=True)
