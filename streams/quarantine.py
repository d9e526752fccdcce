"""Rows that are not messages: kept on disk with their original text, each one once."""

from __future__ import annotations

import json
import os
from dataclasses import asdict
from hashlib import blake2b
from pathlib import Path
from types import TracebackType
from typing import Self

from connectors.contract import Rejected


class Quarantine:
    """An NDJSON file of rejected rows that only grows; a row that is in it already is not written again.

    Parameters
    ----------
    path
        The file; it is made at the first row.

    Examples
    --------
    >>> Quarantine.path_for(Path("data"), "sap/tax").as_posix()
    'data/quarantine/sap_tax.ndjson'
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._known = self._stored()
        self._fresh: list[bytes] = []

    @staticmethod
    def path_for(data_dir: Path, source: str) -> Path:
        """Return where the rejected rows of a source are kept."""
        name = "".join(c if c.isalnum() or c in "-_." else "_" for c in source).lstrip(".") or "_"
        return data_dir / "quarantine" / f"{name}.ndjson"

    def add(self, rejected: Rejected) -> bool:
        """Take a row; return whether it is a new one. It is on disk after ``flush``."""
        line = json.dumps(asdict(rejected), ensure_ascii=False).encode("utf-8", "backslashreplace")
        digest = _digest(line)
        if digest in self._known:
            return False
        self._known.add(digest)
        self._fresh.append(line + b"\n")
        return True

    def flush(self) -> None:
        """Put what is new on disk."""
        if not self._fresh:
            return
        self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        with os.fdopen(os.open(self.path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600), "wb") as file:
            file.writelines(self._fresh)
            file.flush()
            os.fsync(file.fileno())
        self._fresh.clear()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.flush()

    def _stored(self) -> set[bytes]:
        """Return the digests of the rows on disk, and cut off half a row that a crash has left."""
        if not self.path.exists():
            return set()
        known: set[bytes] = set()
        whole = 0
        with self.path.open("rb") as file:
            for line in file:
                if line.endswith(b"\n"):
                    known.add(_digest(line[:-1]))
                    whole += len(line)
        if whole < self.path.stat().st_size:
            os.truncate(self.path, whole)
        return known


def _digest(line: bytes) -> bytes:
    return blake2b(line, digest_size=12).digest()
