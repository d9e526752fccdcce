"""Pages of the documentation that are made from code: written, or compared with what stands in the file."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class GeneratedPage:
    """A page of the documentation.

    Parameters
    ----------
    module
        What makes it, as ``python -m`` takes it.
    about
        What ``--help`` says.
    text
        Makes the page, Markdown.
    source, target
        The file that it is made from, and the target of the Makefile that makes it.
    """

    module: str
    about: str | None
    text: Callable[[], str]
    source: str
    target: str

    def main(self, arguments: Sequence[str] | None) -> int:
        """Write the page, or with ``--check`` only say whether it differs; 1 if it does."""
        parser = argparse.ArgumentParser(prog=f"python -m {self.module}", description=self.about)
        parser.add_argument("file", type=Path)
        parser.add_argument("--check", action="store_true", help="write nothing; fail if the file differs")
        options = parser.parse_args(arguments)
        path: Path = options.file
        if not options.check:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(self.text(), encoding="utf-8")
            return 0
        if path.exists() and path.read_text(encoding="utf-8") == self.text():
            return 0
        sys.stderr.write(f"{path} differs from {self.source}: run `make {self.target}`\n")
        return 1
