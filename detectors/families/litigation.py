"""What the litigation family runs: cases and their pace."""

from __future__ import annotations

from detectors.cases import CaseRate, Cases
from detectors.config import DetectionConfig
from detectors.contract import AnyDetector
from detectors.related import RelatedExits


def detectors(config: DetectionConfig) -> tuple[AnyDetector, ...]:
    """Return the family's detectors."""
    return (
        Cases(config.litigation),
        CaseRate(config.litigation),
        RelatedExits(config.litigation),
    )
