"""Every detector that the stack runs, assembled from the families."""

from __future__ import annotations

from detectors import novelty
from detectors.config import DetectionConfig
from detectors.contract import AnyDetector
from detectors.families import electricity, litigation, sentiment, social_security, tax


def default_detectors(config: DetectionConfig) -> tuple[AnyDetector, ...]:
    """Return one instance of every detector, in a fixed order.

    An instance holds no enterprise's memory, so one serves a whole shard.
    """
    return (
        *electricity.detectors(config),
        *tax.detectors(config),
        *social_security.detectors(config),
        *litigation.detectors(config),
        *sentiment.detectors(config),
        *novelty.detectors(config.novelty),
    )
