"""Training of the model of headlines, with a test on later days."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TypedDict

from detectors.calendar import Calendar
from detectors.config import default
from detectors.contract import Context, Event, Profile
from detectors.sentiment.model import HeadlineModel
from detectors.sentiment.news import News
from detectors.sentiment.training import Example
from detectors.sentiment.training import train as fit
from streams.evaluation.headlines import Headline, headlines
from streams.evaluation.scores import auc, recall_at_false_positives
from streams.evaluation.suite import Task

_EARLIER = 0.7
_FALSE_POSITIVES = 0.05


HeldOut = TypedDict(
    "HeldOut",
    {
        "from": str,
        "headlines": int,
        "negative": int,
        "auc": float,
        "auc_lexicon": float,
        "negative_recall_at_5pct_fpr": float,
    },
)


class Trained(TypedDict):
    """What came of a training; ``held_out`` is of another model, that learned from the earlier days only."""

    headlines: int
    negative: int
    model: str
    bytes: int
    held_out: HeldOut


def train(data: Path, out: Path, tell: Callable[[int, int], None]) -> Trained:
    """Train on all headlines of a directory, write the model, and tell how one of the earlier days does later.

    Raises
    ------
    MissingDataError
        The headlines are not there.
    ValueError
        They cannot be read, or the earlier or the later ones are all bad or all good.
    OSError
        The model cannot be written.
    """
    items = headlines(Task(data))
    held_out = _held_out(items, lambda done, total: tell(done, 2 * total))
    model = _model(items, lambda done, total: tell(total + done, 2 * total))
    model.save(out)
    return {
        "headlines": len(items),
        "negative": sum(item.bad for item in items),
        "model": model.digest,
        "bytes": out.stat().st_size,
        "held_out": held_out,
    }


def _model(items: Sequence[Headline], tell: Callable[[int, int], None]) -> HeadlineModel:
    return fit([Example(item.title, (item.company,), item.bad) for item in items], tell)


def _held_out(items: Sequence[Headline], tell: Callable[[int, int], None]) -> HeldOut:
    days = sorted(item.day for item in items)
    first = days[int(_EARLIER * len(days))]
    later = [item for item in items if item.day >= first]
    bad = [item.bad for item in later]
    scores = _severities(later, _model([item for item in items if item.day < first], tell))
    return {
        "from": first.isoformat(),
        "headlines": len(later),
        "negative": sum(bad),
        "auc": auc(scores, bad),
        "auc_lexicon": auc(_severities(later, None), bad),
        "negative_recall_at_5pct_fpr": recall_at_false_positives(scores, bad, _FALSE_POSITIVES),
    }


def _severities(items: Sequence[Headline], model: HeadlineModel | None) -> list[float]:
    """Return what the news detector makes of each, with its company as the enterprise."""
    detector = News(replace(default().sentiment, model=model.digest if model else ""), model)
    calendar, found = Calendar(), []
    for item in items:
        context = Context(0, calendar, Profile(names=(item.company,)), {}, {})
        found.append(detector.reading(Event("news", {"title": item.title}, 0, 0, ""), context).severity)
    return found
