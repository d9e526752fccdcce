"""What the social-security family runs: headcount, contributions, and what they say beside other families."""

from __future__ import annotations

from detectors.config import DetectionConfig
from detectors.contract import AnyDetector


def detectors(config: DetectionConfig) -> tuple[AnyDetector, ...]:
    """Return the family's detectors."""
    del config
    return ()
