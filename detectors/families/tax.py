"""What the tax family runs: filings, payable, invoices, notices, and sales against power."""

from __future__ import annotations

from detectors.burden import PayableFall
from detectors.config import DetectionConfig
from detectors.contract import AnyDetector
from detectors.divergence import PowerAgainstSales
from detectors.filings import MissingFiling, SalesFall, VoidRate, ZeroFiling
from detectors.invoices import InvoiceSigns
from detectors.status import CreditGrade, TaxNotices


def detectors(config: DetectionConfig) -> tuple[AnyDetector, ...]:
    """Return the family's detectors."""
    return (
        SalesFall(config.tax),
        ZeroFiling(config.tax),
        MissingFiling(config.tax),
        PayableFall(config.tax),
        VoidRate(config.tax),
        InvoiceSigns(config.invoices),
        TaxNotices(config.tax),
        CreditGrade(config.tax),
        PowerAgainstSales(config.cross),
    )
