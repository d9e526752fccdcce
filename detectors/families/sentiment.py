"""What the sentiment family runs: news."""

from __future__ import annotations

from detectors.config import DetectionConfig
from detectors.contract import AnyDetector


def detectors(config: DetectionConfig) -> tuple[AnyDetector, ...]:
    """Return the family's detectors."""
    del config
    return ()
