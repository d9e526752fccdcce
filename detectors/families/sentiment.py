"""What the sentiment family runs: stories and their number."""

from __future__ import annotations

from detectors.config import DetectionConfig
from detectors.contract import AnyDetector
from detectors.sentiment.model import HeadlineModel
from detectors.sentiment.news import News
from detectors.sentiment.volume import NewsVolume


def detectors(config: DetectionConfig, model: HeadlineModel | None = None) -> tuple[AnyDetector, ...]:
    """Return the family's detectors; ``model`` judges headlines beside the lexicon."""
    return (
        News(config.sentiment, model),
        NewsVolume(config.sentiment),
    )
