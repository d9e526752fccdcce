"""Run ``forewarn scorer`` as a process of its own, with an engine that fails on the source ids that it is given.

::

    python scorer_process.py WORKER_ID [SOURCE_ID …]
"""

from __future__ import annotations

import sys

from connectors.decoding import Received
from connectors.readings import Readings
from streams.cli.scorer import scorer
from streams.engine import Outcome, RiskEngine


class EngineBugError(Exception):
    """What a bug of the engine might raise."""


def break_engine(source_ids: set[str]) -> None:
    process = RiskEngine.process

    def failing(self: RiskEngine, received: Received, now: int) -> Outcome:
        outcome = process(self, received, now)  # half a change is done
        if received.message.source_id in source_ids:
            raise EngineBugError(received.message.source_id)
        return outcome

    process_readings = RiskEngine.process_readings

    def failing_batch(self: RiskEngine, readings: Readings) -> list[tuple[int, Outcome]]:
        outcomes = process_readings(self, readings)
        if not source_ids.isdisjoint(readings.ids()):
            raise EngineBugError
        return outcomes

    RiskEngine.process_readings = failing_batch  # type: ignore[method-assign]  # likewise
    RiskEngine.process = failing  # type: ignore[method-assign]  # a bug is planted


if __name__ == "__main__":
    if source_ids := set(sys.argv[2:]):
        break_engine(source_ids)
    scorer(int(sys.argv[1]))
