"""The conformance checks find what they are for, and the shipped fakes do as they are told."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from connectors.contract import Batch, Rejected, SourceConfigError, SourceError, WriteError
from connectors.models import Signal
from connectors.registry import installed, make_source
from connectors.testing import (
    BROKEN,
    PAUSE,
    ListSource,
    RecordingSink,
    Scripted,
    check_batches,
    check_description,
    check_messages,
    check_order,
    check_repeatable,
    check_resumes,
    check_source,
)


def signal(number: int, **fields: object) -> Signal:
    return Signal.model_validate(
        {
            "enterprise_id": "91350100M000100Y43",
            "family": "electricity",
            "metric": "daily_kwh",
            "value": float(number),
            "unit": "kWh",
            "event_time": datetime(2025, 9, number, tzinfo=UTC),
            "source": "list",
            "source_id": str(number),
        }
        | fields
    )


BAD_ROW = Rejected("a.csv", 3, "value", "bad-value", "not a number", "x")
SCRIPT: list[Scripted] = [signal(1), BAD_ROW, PAUSE, signal(2), signal(3), signal(4)]


def test_an_honest_source_passes() -> None:
    check_source(lambda: ListSource(SCRIPT), ordered=True)


def test_a_list_source_breaks_once_and_goes_on_from_its_position() -> None:
    source = ListSource([signal(1), signal(2), BROKEN, signal(3)])
    reading = source.read()
    position = next(reading).position
    with pytest.raises(SourceError):
        next(reading)
    assert [batch.items for batch in source.read(position)] == [(signal(3),)]


def test_a_pause_is_an_empty_batch() -> None:
    assert [len(batch.items) for batch in ListSource([PAUSE, signal(1)]).read()] == [0, 1]


def test_an_unknown_family_is_found() -> None:
    with pytest.raises(AssertionError, match="catalogue"):
        check_description(lambda: ListSource([], families=["horoscopes"]))


def test_a_message_that_the_scorer_refuses_is_found() -> None:
    with pytest.raises(AssertionError, match="unknown-unit"):
        check_messages(lambda: ListSource([signal(1, unit="MWh")]))


def test_a_family_that_it_does_not_name_is_found() -> None:
    with pytest.raises(AssertionError, match="not among its families"):
        check_messages(lambda: ListSource([signal(1)], families=["tax"]))


def test_a_wrong_order_is_found() -> None:
    with pytest.raises(AssertionError, match="published later"):
        check_order(lambda: ListSource([signal(2), signal(1)]))


class Forgetful(ListSource):
    """Ignores the position."""

    def read(self, position: str = "") -> Iterator[Batch]:
        return super().read("")


def test_a_source_that_does_not_resume_is_found() -> None:
    with pytest.raises(AssertionError, match="are left"):
        check_resumes(lambda: Forgetful(SCRIPT))


def test_ids_that_change_are_found() -> None:
    numbers = iter(range(100))
    with pytest.raises(AssertionError, match="differs"):
        check_repeatable(lambda: ListSource([signal(1, source_id=str(next(numbers)))]))


def test_a_position_that_stands_still_is_found() -> None:
    class Stuck(ListSource):
        def read(self, position: str = "") -> Iterator[Batch]:
            return (Batch(batch.items, "1") for batch in super().read(position))

    with pytest.raises(AssertionError, match="same position"):
        check_batches(lambda: Stuck(SCRIPT))


def test_a_recording_sink_stores_only_what_was_flushed() -> None:
    sink = RecordingSink(fails_after=2)
    sink.send(signal(1))
    sink.flush()
    sink.send(signal(2))
    with pytest.raises(WriteError):
        sink.send(signal(3))
    sink.flush()
    assert sink.messages == [signal(1)]


def test_connectors_are_found_by_their_entry_points() -> None:
    assert {"files", "simulator"} <= set(installed())
    assert make_source("simulator", {"enterprises": "5", "start": "2025-10-01"}).name == "simulator"


@pytest.mark.parametrize(
    ("name", "options", "told"),
    [
        ("oracle", {}, "installed: "),
        ("simulator", {"enterprises": "many"}, "enterprises"),
        ("simulator", {"colour": "red"}, "colour"),
        ("files", {}, "paths"),
        ("files", {"paths": "/nonexistent.csv"}, "No such file"),
    ],
)
def test_what_is_wrong_with_a_connector_is_told(name: str, options: dict[str, str], told: str) -> None:
    with pytest.raises(SourceConfigError, match=told):
        make_source(name, options)
