"""``forewarn evaluate news``: how well severities put bad headlines before good ones."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from time import process_time

from streams.evaluation.headlines import headlines
from streams.evaluation.news_item import reader_for
from streams.evaluation.scores import auc, auc_interval, recall_at_false_positives
from streams.evaluation.suite import Task, write_rows

_FALSE_POSITIVES = 0.05
_STEP = 200


def evaluate(task: Task, tell: Callable[[int, int], None]) -> Mapping[str, object]:
    """Score every headline with its company as the subject.

    Raises
    ------
    MissingDataError
        The headlines are not there.
    ValueError
        They, or the model, cannot be read.
    """
    items = headlines(task)
    reading = reader_for(task)
    scores, seconds = [], 0.0
    for first in range(0, len(items), _STEP):
        batch = items[first : first + _STEP]
        began = process_time()
        scores += [reading(item.company, item.title).severity for item in batch]
        seconds += process_time() - began
        tell(len(scores), len(items))
    if task.out:
        write_rows(task.out, ("id", "score"), enumerate(scores, 1))
    bad = [item.bad for item in items]
    return {
        "auc": auc(scores, bad),
        "ci95": auc_interval(scores, bad, task.seed),
        "negative_recall_at_5pct_fpr": recall_at_false_positives(scores, bad, _FALSE_POSITIVES),
        "us_per_item": 1e6 * seconds / len(items),
        "headlines": len(items),
        "negative": sum(bad),
        "first_day": min(item.day for item in items).isoformat(),
        "last_day": max(item.day for item in items).isoformat(),
        "model": str(task.model) if task.model else None,
    }
