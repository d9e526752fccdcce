"""The parts of grafana-foundation-sdk that the dashboards are built of."""

from __future__ import annotations

import warnings

with warnings.catch_warnings():
    # It advises the second dashboard schema, which Grafana 11 does not read.
    warnings.simplefilter("ignore", DeprecationWarning)
    from grafana_foundation_sdk.builders import (
        barchart,
        bargauge,
        common,
        dashboard,
        stat,
        statetimeline,
        table,
        timeseries,
    )

from grafana_foundation_sdk.cog import runtime
from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.cog.variants import Dataquery
from grafana_foundation_sdk.models import common as common_models
from grafana_foundation_sdk.models import dashboard as models

__all__ = [
    "Builder",
    "Dataquery",
    "JSONEncoder",
    "barchart",
    "bargauge",
    "common",
    "common_models",
    "dashboard",
    "models",
    "runtime",
    "stat",
    "statetimeline",
    "table",
    "timeseries",
]
