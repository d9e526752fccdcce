"""What is accepted, what is refused and why: nothing else may ever happen to a record."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from stdnum.cn import uscc

from connectors.catalogue import FAMILIES, Kind
from connectors.decoding import REASONS, Decoder, Received, Refused, encode_envelope
from connectors.kafka.partitioner import partition_of
from connectors.models import Enterprise, Signal
from connectors.topics import MAX_RECORD_BYTES, REGISTRY, SIGNALS

NOW = int(datetime(2026, 3, 2, tzinfo=UTC).timestamp() * 1000)
GOOD_ID, BAD_ID = "91350100M000100Y43", "91350100M000100Y4Z"
decoder = Decoder(1)


def signal(**changes: Any) -> dict[str, Any]:
    base: dict[str, Any] = {
        "v": 1,
        "enterprise_id": GOOD_ID,
        "family": "electricity",
        "metric": "daily_kwh",
        "value": 8200.5,
        "unit": "kWh",
        "event_time": "2026-03-01T00:00:00+08:00",
        "source": "grid",
        "source_id": "g-1",
    }
    return {key: value for key, value in (base | changes).items() if value is not ...}


def case(**payload: Any) -> dict[str, Any]:
    full = {"case_no": "(2026)闽01执1号", "kind": "enforcement", "role": "defendant", "status": "open"} | payload
    return signal(family="litigation", metric="case", value=..., unit=..., payload=full)


def decode(content: Any, topic: str = "signals.electricity", partitions: Decoder = decoder) -> list[Received | Refused]:
    raw = content if isinstance(content, bytes) else json.dumps(content).encode()
    return partitions.decode(topic, 0, 7, None, raw, NOW)


def reason(content: Any, topic: str = "signals.electricity") -> str:
    (one,) = decode(content, topic)
    assert isinstance(one, Refused), one
    return one.reason


def test_a_valid_reading_is_received_with_its_place() -> None:
    (one,) = decode(signal())
    assert isinstance(one, Received)
    assert isinstance(one.message, Signal)
    assert one.message.value == 8200.5
    assert one.message.event_time == datetime(2026, 2, 28, 16, tzinfo=UTC)
    assert (one.topic, one.offset, one.index, one.flags) == ("signals.electricity", 7, 0, ())


def test_a_wrong_check_character_is_flagged_and_kept() -> None:
    (one,) = decode(signal(enterprise_id=BAD_ID))
    assert isinstance(one, Received)
    assert one.flags == ("bad-check-character",)


def test_a_registry_entry_is_received() -> None:
    entry = {"enterprise_id": GOOD_ID, "names": ["甲公司"], "source": "registry", "source_id": "1"}
    (one,) = decode(entry, REGISTRY)
    assert isinstance(one, Received)
    assert isinstance(one.message, Enterprise)


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"", "empty"),
        (b"\xff{}", "bad-utf8"),
        (b"{", "bad-json"),
        (b'{"a": "\\ud800"}', "bad-json"),
        (b"[" * 100_000, "bad-json"),
        (b'"text"', "not-an-object"),
        (b" " * (MAX_RECORD_BYTES + 1), "oversized"),
        (signal(v=2), "unknown-version"),
        (signal(source=...), "missing-field"),
        (signal(surprise=1), "unknown-field"),
        (signal(value="12"), "bad-value"),
        (signal(value=True), "bad-value"),
        (signal(value=...), "missing-field"),
        (signal(enterprise_id=""), "bad-value"),
        (signal(enterprise_id="a\0h"), "bad-value"),
        (signal(revision=-1), "bad-value"),
        (signal(event_time=1_772_000_000), "bad-value"),
        (signal(event_time="2026-03-01 around noon"), "bad-value"),
        (signal(event_time="0001-01-01T00:00:00+14:00"), "bad-value"),
        (signal(event_time="2026-03-01T00:00:00"), "naive-time"),
        (signal(event_time="2026-03-03T00:00:00+08:00"), "future-time"),
        (signal(published_at="2026-03-03T00:00:00+08:00"), "future-time"),
        (signal(event_time="1970-03-03T00:00:00+08:00"), "ancient-time"),
        (signal(family="astrology"), "unknown-family"),
        (signal(family="tax", metric="vat_sales", unit="CNY"), "wrong-topic"),
        (signal(metric="daily_mwh"), "unknown-metric"),
        (signal(unit="MWh"), "unknown-unit"),
        (signal(value=1e300), "out-of-range"),
        (json.dumps(signal(value=float("nan"))).encode(), "non-finite"),
        (json.dumps(signal(value=float("inf"))).encode(), "non-finite"),
        (signal(value=10**400), "bad-value"),
        (signal(payload={"a": 1}), "bad-payload"),
    ],
)
def test_a_refusal_says_why(content: Any, expected: str) -> None:
    assert reason(content) == expected


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (case(role=None), "bad-payload"),
        (case(kind="duel"), "bad-payload"),
        (case() | {"value": 1.0}, "bad-payload"),
        ({key: value for key, value in case().items() if key != "payload"}, "missing-field"),
    ],
)
def test_an_event_is_checked_by_its_payload(content: Any, expected: str) -> None:
    assert reason(content, "signals.litigation") == expected


def test_an_enterprise_of_another_partition_is_refused() -> None:
    home = partition_of(GOOD_ID, 16)
    many = Decoder(16)
    raw = json.dumps(signal()).encode()
    assert isinstance(many.decode("signals.electricity", home, 0, None, raw, NOW)[0], Received)
    (other,) = many.decode("signals.electricity", (home + 1) % 16, 0, None, raw, NOW)
    assert isinstance(other, Refused)
    assert other.reason == "wrong-partition"
    assert str(home) in other.detail


def test_one_bad_signal_of_an_envelope_does_not_take_the_others_along() -> None:
    first, bad, last = decode([signal(), signal(unit="MWh"), signal(source_id="g-2")])
    assert isinstance(first, Received)
    assert isinstance(last, Received)
    assert (first.index, last.index) == (0, 2)
    assert isinstance(bad, Refused)
    assert (bad.reason, bad.index, bad.field) == ("unknown-unit", 1, "unit")
    assert bad.original is not None
    assert json.loads(bad.original) == signal(unit="MWh")


def test_what_was_refused_is_kept_as_it_was_sent() -> None:
    (bad,) = decode(json.dumps([signal(value=float("nan"))]).encode())
    assert isinstance(bad, Refused)
    assert bad.original is not None
    assert b'"value": NaN' in bad.original


def test_an_envelope_is_what_the_writer_makes() -> None:
    signals = [Signal.model_validate(signal(source_id=str(i))) for i in range(3)]
    decoded = decode(encode_envelope(signals))
    assert [one.message for one in decoded if isinstance(one, Received)] == signals


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=400), st.sampled_from([*SIGNALS, REGISTRY]))
def test_arbitrary_bytes_are_refused_with_a_known_reason(raw: bytes, topic: str) -> None:
    for one in decode(raw, topic):
        assert isinstance(one, Refused)
        assert one.reason in REASONS


_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)


@settings(max_examples=300, deadline=None)
@given(st.sampled_from(sorted(signal())), _json)
def test_a_mutated_signal_is_received_or_refused(field: str, value: Any) -> None:
    raw = json.dumps(signal(**{field: value})).encode("utf-8", "surrogatepass")
    (one,) = decode(raw) or [Refused("empty", "")]
    assert isinstance(one, (Received, Refused))
    if isinstance(one, Refused):
        assert one.reason in REASONS
        assert one.detail


@settings(max_examples=200, deadline=None)
@given(st.data())
def test_every_metric_of_the_catalogue_can_be_said(data: st.DataObject) -> None:
    family = data.draw(st.sampled_from(list(FAMILIES.values())))
    metric = data.draw(st.sampled_from(list(family.metrics.values())))
    said = signal(family=family.name, metric=metric.name)
    if metric.kind is Kind.READING:
        said |= {"value": data.draw(st.floats(-1e14, 1e14)), "unit": metric.unit}
    else:
        payload = dict.fromkeys(metric.required, "x")
        payload |= {name: data.draw(st.sampled_from(sorted(known))) for name, known in metric.values.items()}
        said = {k: v for k, v in said.items() if k not in ("value", "unit")} | {"payload": payload}
    (one,) = decode(said, f"signals.{family.name}")
    assert isinstance(one, Received)


@settings(deadline=None, max_examples=300)
@given(
    st.from_regex("[0-9]{8}[0-9A-HJ-NPQRTUWXY]{9}", fullmatch=True) | st.text("09AZIa- 国", min_size=17, max_size=17)
)
@example("91350100M000100Y4")
def test_check_characters_are_judged_as_by_the_standard(begin: str) -> None:
    decoder = Decoder(4)
    for last in "0123456789ABCDEFGHJKLMNPQRTUWXYIa":
        assert decoder.flags(begin + last) == (() if uscc.is_valid(begin + last) else ("bad-check-character",))
