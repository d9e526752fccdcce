"""From a file's bytes to lines of text: gzip by its magic bytes, the encoding by what the bytes allow."""

from __future__ import annotations

import gzip
import io
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal, NamedTuple, TypeAlias

Encoding: TypeAlias = Literal["auto", "utf-8", "gb18030"]

MAX_LINE = 1_000_000
"""A longer line is refused, in bytes."""
_SAMPLE = 256 * 1024
_GAUGE_EVERY = 256
_GZIP = b"\x1f\x8b"
_BOM = b"\xef\xbb\xbf"


class Line(NamedTuple):
    """A line of a file, numbered from 1. With a fault, ``text`` shows what could be read of it."""

    number: int
    text: str
    fault: str = ""
    detail: str = ""


class Gauge:
    """How many bytes of all files have been read, for progress bars. ``before`` counts the files that are done."""

    def __init__(self) -> None:
        self.before = 0
        self.done = 0


def read_lines(path: Path, encoding: Encoding = "auto", gauge: Gauge | None = None) -> Iterator[Line]:
    """Yield a file's lines without their ends; broken ones carry a fault, and nothing raises but the file system.

    Parameters
    ----------
    path
        Plain or gzipped.
    encoding
        ``auto``: UTF-8, unless most lines of the beginning that are not ASCII are not valid UTF-8; then GB18030.
    gauge
        Is kept up to date.

    Raises
    ------
    OSError
        If the file cannot be opened.
    """
    number = 0
    with opened(path) as (file, on_disk):
        try:
            chosen = _guess(file.peek(_SAMPLE)[:_SAMPLE]) if encoding == "auto" else encoding
            while raw := file.readline(MAX_LINE):
                number += 1
                if gauge is not None and number % _GAUGE_EVERY == 1:
                    gauge.done = gauge.before + on_disk.tell()
                if len(raw) == MAX_LINE and not raw.endswith(b"\n"):
                    _skip_line(file)
                    shown = raw[:200].decode(chosen or "utf-8", "replace")
                    yield Line(number, shown, "oversized", f"the line is longer than {MAX_LINE} bytes")
                    continue
                if chosen is None and not raw.isascii():
                    chosen = _guess(raw)
                yield _decoded(number, raw.removeprefix(_BOM) if number == 1 else raw, chosen or "utf-8")
        except (EOFError, gzip.BadGzipFile, zlib.error) as error:
            yield Line(number + 1, "", "bad-gzip", f"the file breaks off here: {error}")
        if gauge is not None:
            gauge.before = gauge.done = gauge.before + path.stat().st_size


@contextmanager
def opened(path: Path) -> Iterator[tuple[gzip.GzipFile | io.BufferedReader[io.FileIO], io.BufferedReader[io.FileIO]]]:
    """Open a file, unpacked if it begins with gzip's magic bytes; the second is the file as it lies on disk."""
    with io.BufferedReader(io.FileIO(path), _SAMPLE) as file:
        if file.peek(2)[:2] == _GZIP:
            with gzip.open(file) as unpacked:
                yield unpacked, file
        else:
            yield file, file


def _decoded(number: int, raw: bytes, encoding: str) -> Line:
    body = raw.rstrip(b"\r\n")
    try:
        return Line(number, body.decode(encoding))
    except UnicodeDecodeError as error:
        detail = f"byte {error.start} of the line is not {encoding}: {error.reason}"
        return Line(number, body.decode(encoding, "backslashreplace"), "bad-encoding", detail)


def _guess(sample: bytes) -> str | None:
    """Return the encoding that suits most of the lines that are not ASCII, None if all are; the last may be cut off."""
    lines = sample.split(b"\n")
    told = [line for line in (lines[:-1] or lines) if not line.isascii()]
    if not told:
        return None
    valid = sum(_is_utf8(line) for line in told)
    return "utf-8" if valid * 2 >= len(told) else "gb18030"


def _is_utf8(line: bytes) -> bool:
    try:
        line.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def _skip_line(file: gzip.GzipFile | io.BufferedReader[io.FileIO]) -> None:
    while (rest := file.readline(MAX_LINE)) and not rest.endswith(b"\n"):
        pass
