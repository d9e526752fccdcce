"""What the sentiment family runs: stories and their number."""

from __future__ import annotations

from detectors.config import DetectionConfig
from detectors.contract import AnyDetector
from detectors.sentiment.news import News
from detectors.sentiment.volume import NewsVolume


def detectors(config: DetectionConfig) -> tuple[AnyDetector, ...]:
    """Return the family's detectors."""
    return (
        News(config.sentiment),
        NewsVolume(config.sentiment),
    )
