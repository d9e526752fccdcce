"""What a period detector shares that remembers nothing: the series of the last 60 periods is all it needs."""

from __future__ import annotations

from typing import Any

from detectors.cohort import Cohort, Each, OneByOne
from detectors.contract import Context, Plain


class Memoryless(OneByOne):
    """The memory part of the contract, empty."""

    def memory(self) -> tuple[()]:
        """Return nothing to remember."""
        return ()

    def dump(self, memory: Any) -> list[Plain]:
        """Return an empty list."""
        del memory
        return []

    def load(self, state: list[Plain]) -> tuple[()]:
        """Return nothing to remember."""
        del state
        return ()

    def learn_one(self, memory: Any, context: Context, series: str, index: int) -> None:
        """Learn nothing."""

    def learn_many(self, each: Each, cohort: Cohort) -> None:
        """Learn nothing."""
