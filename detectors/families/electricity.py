"""What the electricity family runs: daily use and the status of meters."""

from __future__ import annotations

from detectors.collapse import Collapse
from detectors.config import DetectionConfig
from detectors.contract import AnyDetector
from detectors.decline import PowerDecline
from detectors.flatline import Flatline
from detectors.silence import Silence
from detectors.status import Excuses, MeterStatus
from detectors.surge import Surge


def detectors(config: DetectionConfig) -> tuple[AnyDetector, ...]:
    """Return the family's detectors."""
    return (
        Collapse(config.electricity, config.stops),
        PowerDecline(config.electricity),
        Surge(config.electricity),
        Flatline(config.electricity),
        Silence(config.electricity),
        MeterStatus(config.meter),
        Excuses(config.meter),
    )
