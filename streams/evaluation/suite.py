"""What every suite of ``forewarn evaluate`` gets, and how it tells what it found."""

from __future__ import annotations

import csv
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol
from zipfile import BadZipFile


class MissingDataError(Exception):
    """A file that a suite needs is not there; the message names it."""


@dataclass(frozen=True, slots=True)
class Task:
    """What to evaluate on, and where to put the rest.

    Parameters
    ----------
    data
        Directory laid out as docs/evaluation.md says.
    out
        File for the result of each item (``nab``: a directory); None: not wanted.
    plots
        Directory for pictures; None: not wanted.
    seed
        For everything that is drawn.
    model
        A trained model of headlines; None: the lexicon alone.
    thresholds
        Thresholds to carry over instead of choosing them; None: choose.
    """

    data: Path
    out: Path | None = None
    plots: Path | None = None
    seed: int = 1
    model: Path | None = None
    thresholds: Path | None = None

    def file(self, *names: str) -> Path:
        """Return a file of the data directory.

        Raises
        ------
        MissingDataError
            If it is not there.
        """
        path = self.data.joinpath(*names)
        if not path.exists():
            message = f"{path} is missing: name the directory of the evaluation data with --data (docs/evaluation.md)"
            raise MissingDataError(message)
        return path


class Suite(Protocol):
    """One suite."""

    def __call__(self, task: Task, tell: Callable[[int, int], None]) -> Mapping[str, object]:
        """Return the result; ``tell`` is told how much of how much is done.

        Raises
        ------
        MissingDataError
            If the data is not there.
        ValueError
            If it cannot be read; the message names file, row and reason.
        """
        ...


@contextmanager
def unpacking(path: Path) -> Iterator[None]:
    """Name the file when it cannot be opened, or is broken.

    Raises
    ------
    ValueError
        Instead of what the libraries of archives raise.
    """
    try:
        yield
    except (OSError, EOFError, zlib.error, BadZipFile) as error:
        message = f"{path} cannot be read: {error}"
        raise ValueError(message) from error


def write_rows(path: Path, header: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Write the results of the items as CSV."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(header)
        writer.writerows(rows)
