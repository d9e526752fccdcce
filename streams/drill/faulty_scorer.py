"""A scorer with something wrong in it, for drills: ``python -m streams.drill.faulty_scorer``.

The product has no switch for any of these. They are planted here, in a process that only a drill starts.
"""

from __future__ import annotations

import time
from typing import Annotated, Any

import typer

from connectors import topics


class PlantedError(Exception):
    """What a bug of the engine might raise."""


def plant_bug(prefix: str) -> None:
    """Let the engine fail, half way, on every signal whose source id begins so."""
    from streams.engine import RiskEngine

    process = RiskEngine.process

    def failing(self: RiskEngine, received: Any, *rest: Any) -> Any:
        outcome = process(self, received, *rest)  # half a change is done
        if received.message.source_id.startswith(prefix):
            raise PlantedError(received.message.source_id)
        return outcome

    process_readings = RiskEngine.process_readings

    def failing_batch(self: RiskEngine, readings: Any) -> Any:
        outcomes = process_readings(self, readings)
        if any(one.startswith(prefix) for one in readings.ids()):
            raise PlantedError(prefix)
        return outcomes

    RiskEngine.process_readings = failing_batch  # type: ignore[method-assign]  # likewise
    RiskEngine.process = failing  # type: ignore[assignment, method-assign]  # a bug is planted


def plant_slowness(us: float) -> None:
    """Let every message cost this much more. Microseconds."""
    from streams.shard import Shard

    apply = Shard.apply

    def slow(self: Shard, *arguments: Any) -> None:
        scored = self.scored
        apply(self, *arguments)
        time.sleep((self.scored - scored) * us / 1e6)

    Shard.apply = slow  # type: ignore[assignment, method-assign]  # slowness is planted


def main(
    worker_id: Annotated[int, typer.Option(help="Number of the scorer.")],
    fail_on: Annotated[str, typer.Option(help="Fail on signals whose source id begins so.")] = "",
    slow_us: Annotated[float, typer.Option(help="Let every message cost this much more. Microseconds.")] = 0.0,
    without: Annotated[str, typer.Option(help="An input topic that this scorer does not know.")] = "",
) -> None:
    """Run ``forewarn scorer`` with a planted fault."""
    if without:  # before anything else has looked at it
        topics.INPUTS = tuple(topic for topic in topics.INPUTS if topic != without)
    from streams.cli.scorer import scorer

    if fail_on:
        plant_bug(fail_on)
    if slow_us:
        plant_slowness(slow_us)
    scorer(worker_id)


if __name__ == "__main__":
    typer.run(main)
