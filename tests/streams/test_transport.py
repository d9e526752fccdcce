"""The Faust transport, as far as it can be judged without a broker; the rest is proven in test_scorer_stack."""

from __future__ import annotations

import faust
import pytest
from faust.transport.drivers import TRANSPORTS
from faust.types import TP

from connectors.topics import INPUTS
from streams.ownership import StopError, partitions_of
from streams.transport import FrameTransport, UnsupportedFaustError, check_version, register


def test_another_faust_is_refused_with_what_to_do() -> None:
    with pytest.raises(UnsupportedFaustError, match=r"0\.15\.3, found 0\.16\.0.*install that version"):
        check_version("0.16.0")


def test_the_installed_faust_knows_the_scheme() -> None:
    register()
    assert faust.__version__ == "0.15.3"
    assert TRANSPORTS.by_url("frame://127.0.0.1:9092") is FrameTransport


def test_a_split_partition_group_is_refused() -> None:
    assigned = {TP(topic, p) for topic in INPUTS for p in range(3)}
    assert partitions_of(assigned) == {0, 1, 2}
    assert partitions_of(set()) == set()
    with pytest.raises(StopError, match=r"not assigned here: signals\.tax-1\."):
        partitions_of(assigned - {TP("signals.tax", 1)})
