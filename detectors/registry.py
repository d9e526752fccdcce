"""Every detector that the stack runs, assembled from the families."""

from __future__ import annotations

from detectors import novelty
from detectors.config import DetectionConfig
from detectors.contract import AnyDetector
from detectors.families import electricity, litigation, sentiment, social_security, tax
from detectors.sentiment.model import HeadlineModel


def default_detectors(config: DetectionConfig, headlines: HeadlineModel | None = None) -> tuple[AnyDetector, ...]:
    """Return one instance of every detector, in a fixed order.

    An instance holds no enterprise's memory, so one serves a whole shard.

    Parameters
    ----------
    config
        Every constant.
    headlines
        A trained model of headlines; the configuration names its digest.
    """
    return (
        *electricity.detectors(config),
        *tax.detectors(config),
        *social_security.detectors(config),
        *litigation.detectors(config),
        *sentiment.detectors(config, headlines),
        *novelty.detectors(config.novelty),
    )
