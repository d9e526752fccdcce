"""What the social-security family runs: headcount, contributions, and staff against sales."""

from __future__ import annotations

from detectors.config import DetectionConfig
from detectors.contract import AnyDetector
from detectors.decline import HeadcountDrift
from detectors.divergence import StaffAgainstSales
from detectors.payroll import ContributionArrears, HeadcountFall, PayrollFall


def detectors(config: DetectionConfig) -> tuple[AnyDetector, ...]:
    """Return the family's detectors."""
    return (
        HeadcountFall(config.social_security),
        PayrollFall(config.social_security),
        ContributionArrears(config.social_security),
        HeadcountDrift(config.social_security),
        StaffAgainstSales(config.cross),
    )
