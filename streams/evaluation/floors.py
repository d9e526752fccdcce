"""``forewarn evaluate floors``: whether serious facts about the subject are found, and only those."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from streams.evaluation.headlines import Sentence, sentences
from streams.evaluation.news_item import reader_for
from streams.evaluation.suite import Task, write_rows


def evaluate(task: Task, tell: Callable[[int, int], None]) -> Mapping[str, object]:
    """Read every sentence with its subject as the enterprise.

    Raises
    ------
    MissingDataError
        The sentences are not there.
    ValueError
        They, or the model, cannot be read.
    """
    items = sentences(task)
    reading = reader_for(task)
    readings = []
    for item in items:
        readings.append(reading(item.subject, item.text))
        tell(len(readings), len(items))
    if task.out:
        write_rows(task.out, ("id", "score"), ((n, found.severity) for n, found in enumerate(readings, 1)))
    floors = sum(item.floor for item in items)
    missed = [_named(item) for item, found in zip(items, readings, strict=True) if item.floor and not found.hard]
    false = [_named(item) for item, found in zip(items, readings, strict=True) if found.hard and not item.floor]
    return {
        "recall": 1 - len(missed) / floors if floors else None,
        "false_floors": len(false),
        "sentences": len(items),
        "floors": floors,
        "missed": missed,
        "false": false,
        "model": str(task.model) if task.model else None,
    }


def _named(item: Sentence) -> dict[str, str]:
    return {"subject": item.subject, "text": item.text, "kind": item.kind}
