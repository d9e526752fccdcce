"""Writes messages to a file that the file source, and ``forewarn replay``, can read."""

from __future__ import annotations

import gzip
import os
from pathlib import Path
from types import TracebackType
from typing import IO, Self

from connectors.models import Enterprise, Heartbeat, Signal


class NdjsonWriter:
    """A :class:`connectors.contract.Writer` into one file: a JSON object a line, gzipped if its name ends in ``.gz``.

    The file appears under its name when the writer is left without an error; an older one is replaced then.

    Parameters
    ----------
    path
        Where.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._unfinished = path.with_name(f".{path.name}.{os.getpid()}.part")
        self._raw = self._unfinished.open("wb")
        # No name and time in the header: the same city gives the same bytes.
        self._file: IO[bytes] = (
            gzip.GzipFile("", "wb", compresslevel=3, fileobj=self._raw, mtime=0)  # type: ignore[assignment]  # typeshed: not an IO
            if path.suffix == ".gz"
            else self._raw
        )

    def send(self, message: Signal | Enterprise) -> None:
        """Write one line."""
        self._file.write(message.wire() + b"\n")

    def flush(self) -> None:
        """Do nothing: the file counts as a whole."""

    def beat(self, heartbeat: Heartbeat) -> None:
        """Do nothing: a file has no heart."""

    def close(self) -> None:
        """Close the file without giving it its name."""
        self._file.close()
        self._raw.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
        if error is None:
            self._unfinished.replace(self._path)
        else:
            self._unfinished.unlink(missing_ok=True)
