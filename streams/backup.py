"""A stack's backup: one file with the control store, the secrets and the configuration.

A zip archive. ``manifest.json`` says what belongs to it, with the SHA-256 of each member. Members have fixed names, and
each has a fixed place that it is restored to: no name out of an archive ever becomes a path.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import secrets
import tomllib
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from datetime import datetime
from importlib.metadata import version
from pathlib import Path
from typing import Literal

import tomli_w
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from connectors.control.archive import Contents, FilledStoreError, check, load, snapshot
from streams import health
from streams.clock import Clock, moment
from streams.runtime import KEPT, control_url, read_stack, replace_file
from streams.settings import Settings, config_file
from streams.stack import claimed

FORMAT = 1
MANIFEST = "manifest.json"
#: What a restoration can be confined to.
Piece = Literal["control", "secrets", "configuration"]
PIECES: tuple[Piece, ...] = ("control", "secrets", "configuration")
_STACK, _CONFIG, _DETECTION = "stack.toml", "forewarn.toml", "detection.toml"
_TABLE = re.compile(r"control/([a-z_]+)\.ndjson", re.ASCII)
_SECRET = re.compile(r"secrets/([a-z0-9][a-z0-9-]*)", re.ASCII)
_CHUNK = 1 << 20
#: A manifest or a file of the configuration that is larger is none.
_SMALL = 4 << 20

#: What reading a damaged archive raises.
_BROKEN = (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, UnicodeDecodeError)

Say = Callable[[str, int, int], None]


class BackupError(Exception):
    """Nothing was written or changed; the message says why, and what to do."""


class Member(BaseModel):
    """One file of a backup."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")
    bytes: int = Field(ge=0)


class Manifest(BaseModel):
    """What a backup holds."""

    model_config = ConfigDict(frozen=True)  # later versions of this format may say more

    format: int
    forewarn: str
    made_at: datetime
    app: str
    revision: str
    tables: Mapping[str, int]
    counters: Mapping[str, int]
    members: Mapping[str, Member]

    @property
    def contents(self) -> Contents:
        """What the control store held."""
        return Contents(self.revision, self.tables, self.counters)


@dataclass(frozen=True, slots=True)
class Restored:
    """What a restoration did."""

    rows: int
    files: tuple[Path, ...]


def name_for(app: str, clock: Clock) -> str:
    """Return the name of a new backup."""
    return f"{app}-{moment(clock.now_ms()):%Y%m%dT%H%M%SZ}.zip"


def make(path: Path, settings: Settings, clock: Clock, say: Say) -> Manifest:
    """Write a backup; the stack may run meanwhile.

    Parameters
    ----------
    path
        The new file, readable by its owner only. It holds secrets.
    settings
        Of the stack.
    clock
        For the moment in the manifest.
    say
        Told the table, and how many of how many rows are written.

    Raises
    ------
    BackupError
        If the file exists.
    NoStoreError
        If there is no control store.
    """
    if path.exists():
        message = f"{path} exists already: name another file"
        raise BackupError(message)
    unfinished = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        with snapshot(control_url(settings)) as store, _created(unfinished) as archive:
            members = {
                f"control/{table}.ndjson": _write(
                    archive, f"control/{table}.ndjson", _told(store.lines(table), table, rows, say)
                )
                for table, rows in store.contents.tables.items()
            }
            for name, content in _files(settings):
                members[name] = _write(archive, name, [content])
            manifest = Manifest(
                format=FORMAT,
                forewarn=version("forewarn"),
                made_at=moment(clock.now_ms()),
                app=settings.app,
                members=members,
                **asdict(store.contents),
            )
            _write(archive, MANIFEST, [manifest.model_dump_json(indent=1).encode()])
        os.link(unfinished, path)  # fails if there is one by now
    except FileExistsError:
        message = f"{path} exists already: name another file"
        raise BackupError(message) from None
    finally:
        unfinished.unlink(missing_ok=True)
    return manifest


@contextmanager
def _created(path: Path) -> Iterator[zipfile.ZipFile]:
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w+b") as file:
        with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
            yield archive
        file.flush()
        os.fsync(file.fileno())


def _write(archive: zipfile.ZipFile, name: str, pieces: Iterable[bytes]) -> Member:
    digest, size = hashlib.sha256(), 0
    with archive.open(name, "w", force_zip64=True) as file:
        for piece in pieces:
            file.write(piece)
            digest.update(piece)
            size += len(piece)
    return Member(sha256=digest.hexdigest(), bytes=size)


def _told(lines: Iterable[bytes], table: str, rows: int, say: Say) -> Iterator[bytes]:
    for number, line in enumerate(lines):  # the first line has the names of the columns
        yield line
        if number % 500 == 0 or number == rows:
            say(table, number, rows)


def _files(settings: Settings) -> Iterator[tuple[str, bytes]]:
    for path in sorted((settings.data_dir / "secrets").glob("[a-z0-9]*")):
        if _SECRET.fullmatch(f"secrets/{path.name}"):
            yield f"secrets/{path.name}", path.read_bytes()
    # Ports belong to the machine, not to the stack.
    kept = {name: value for name, value in read_stack(settings.data_dir).items() if not name.endswith("_port")}
    if kept:
        yield _STACK, tomli_w.dumps(kept).encode()
    if config_file().exists():
        yield _CONFIG, config_file().read_bytes()
    if settings.detection_config is not None:
        yield _DETECTION, settings.detection_config.read_bytes()


class Backup:
    """A backup that was opened and found whole; see :func:`opened`."""

    def __init__(self, archive: zipfile.ZipFile, manifest: Manifest) -> None:
        self.manifest = manifest
        self._archive = archive

    def read(self, name: str) -> bytes:
        """Return a small member."""
        return _small(self._archive, name)

    def lines(self, table: str) -> Iterator[bytes]:
        """Yield the lines of a table."""
        with self._archive.open(f"control/{table}.ndjson") as file:
            yield from file


@contextmanager
def opened(path: Path) -> Iterator[Backup]:
    """Open a backup and check all of it: names, sizes, checksums.

    Raises
    ------
    BackupError
        If it is none, is damaged, or is of a newer format.
    """
    with ExitStack() as closing:
        try:
            archive = closing.enter_context(zipfile.ZipFile(path))
            manifest = _checked(archive, path)
        except (*_BROKEN, OSError) as error:
            message = f"{path} is not a whole backup ({error}): use another one"
            raise BackupError(message) from error
        yield Backup(archive, manifest)


def _checked(archive: zipfile.ZipFile, path: Path) -> Manifest:
    names = archive.namelist()
    strange = [name for name in names if name != MANIFEST and not _belongs(name)]
    if strange or len(set(names)) != len(names) or MANIFEST not in names:
        message = f"{path} is not a backup that forewarn made: {', '.join(map(repr, strange[:3])) or 'no manifest'}"
        raise BackupError(message)
    try:
        said = json.loads(_small(archive, MANIFEST))
        if isinstance(said, dict) and isinstance(said.get("format"), int) and said["format"] > FORMAT:
            message = f"{path} was made by forewarn {said.get('forewarn')}: restore it with that version or a newer one"
            raise BackupError(message)
        manifest = Manifest.model_validate(said)
    except (ValidationError, ValueError):
        message = f"{path}: its manifest cannot be read; use another backup"
        raise BackupError(message) from None
    tables = {f"control/{table}.ndjson" for table in manifest.tables}
    if manifest.members.keys() != set(names) - {MANIFEST} or not tables <= manifest.members.keys():
        message = f"{path}: its manifest names other files than it has; use another backup"
        raise BackupError(message)
    for name, member in manifest.members.items():
        if archive.getinfo(name).file_size != member.bytes or _digest(archive, name) != member.sha256:
            message = f"{path}: {name} was changed or damaged; use another backup"
            raise BackupError(message)
    return manifest


def _belongs(name: str) -> bool:
    return name in (_STACK, _CONFIG, _DETECTION) or bool(_TABLE.fullmatch(name) or _SECRET.fullmatch(name))


def _small(archive: zipfile.ZipFile, name: str) -> bytes:
    with archive.open(name) as file:
        content = file.read(_SMALL + 1)
    if len(content) > _SMALL:
        message = f"{name} is larger than any that forewarn writes: this is not its backup"
        raise BackupError(message)
    return content


def _digest(archive: zipfile.ZipFile, name: str) -> str:
    digest = hashlib.sha256()
    with archive.open(name) as file:
        while piece := file.read(_CHUNK):
            digest.update(piece)
    return digest.hexdigest()


def restore(
    backup: Backup,
    settings: Settings,
    clock: Clock,
    say: Say,
    *,
    pieces: Iterable[Piece] = PIECES,
    force: bool = False,
) -> Restored:
    """Put back what a backup holds. Nothing is changed if anything speaks against it.

    Parameters
    ----------
    backup
        See :func:`opened`.
    settings
        Of the stack that it goes to. Its control store may be another kind of database than the backup's.
    clock
        Tells which processes live.
    say
        Told the table, and how many of how many rows are written.
    pieces
        What to put back.
    force
        Whether what is there already, and differs, is replaced.

    Raises
    ------
    BackupError
        If something is in the way.
    StackBusyError
        If the stack runs.
    NewerStoreError
        If the backup's tables are newer than this program.
    """
    wanted = frozenset(pieces)
    contents = backup.manifest.contents
    with claimed(settings.data_dir):
        _refuse_running(settings, clock)
        files = {path: _content(backup, name, path) for name, path in _targets(backup.manifest, settings, wanted)}
        try:
            if "control" in wanted:
                check(contents, control_url(settings), replace=force)
        except FilledStoreError as error:
            message = f"{error}: --force replaces it"
            raise BackupError(message) from None
        in_the_way = [path for path, content in files.items() if path.exists() and path.read_bytes() != content]
        if in_the_way and not force:
            message = f"these exist and differ: {', '.join(map(str, in_the_way))}; --force replaces them"
            raise BackupError(message)
        if "control" in wanted:
            _load(backup, control_url(settings), say, force=force)
        for path, content in files.items():
            replace_file(path, content)
    return Restored(sum(contents.tables.values()) if "control" in wanted else 0, tuple(files))


def _content(backup: Backup, name: str, path: Path) -> bytes:
    content = backup.read(name)
    if name != _STACK:
        return content
    ports = {port: value for port, value in read_stack(path.parent).items() if port.endswith("_port")}
    merged = ports | tomllib.loads(content.decode())
    return tomli_w.dumps({key: merged[key] for key in KEPT if key in merged}).encode()


def _load(backup: Backup, url: str, say: Say, *, force: bool) -> None:
    total = sum(backup.manifest.tables.values())
    done = 0

    def written(rows: int) -> None:
        nonlocal done
        done += rows
        say("control store", done, total)

    load(backup.manifest.contents, backup.lines, url, replace=force, say=written)


def _refuse_running(settings: Settings, clock: Clock) -> None:
    alive = [sign for sign in health.read_all(settings.data_dir) if sign.alive and sign.fresh(clock.now_ms())]
    if alive:
        named = ", ".join(f"{sign.part} (process {sign.pid})" for sign in alive)
        message = f"the stack in {settings.data_dir} runs: stop {named} first"
        raise BackupError(message)


def _targets(manifest: Manifest, settings: Settings, wanted: frozenset[Piece]) -> Iterator[tuple[str, Path]]:
    configuration = {
        _STACK: settings.data_dir / "stack.toml",
        _CONFIG: config_file().absolute(),
        _DETECTION: settings.detection_config or settings.data_dir / _DETECTION,
    }
    for name in manifest.members:
        secret = _SECRET.fullmatch(name)
        if secret and "secrets" in wanted:
            yield name, settings.data_dir / "secrets" / secret[1]
        elif name in configuration and "configuration" in wanted:
            yield name, configuration[name]
