"""The live engine's news detector, asked about one headline at a time."""

from __future__ import annotations

from collections.abc import Callable
from typing import cast

from detectors.contract import Context, Event, Profile
from detectors.sentiment.lexicon import Reading
from detectors.sentiment.news import News
from streams.evaluation.suite import Task
from streams.rules import rules_for
from streams.runtime import load_settings


def reader_for(task: Task) -> Callable[[str, str], Reading]:
    """Return what the detector reads in a title about an enterprise of that name: ``reader(name, title)``.

    Raises
    ------
    ValueError
        The configuration or the model is wrong.
    """
    rules = rules_for(load_settings(sentiment_model=task.model))
    detector = cast("News", rules.detectors[News.name])

    def reading(name: str, title: str) -> Reading:
        context = Context(0, rules.calendar, Profile(names=(name,)), {}, {})
        return detector.reading(Event("news", {"title": title}, 0, 0, ""), context)

    return reading
