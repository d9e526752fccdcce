"""From a record's bytes to messages, or to the reason why not.

The scorer and the recorder decode with the same :class:`Decoder`. What it answers depends on its arguments alone, so
both agree on every record without talking to each other.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from operator import mul
from typing import Any, Literal, TypeAlias, TypeVar, get_args

from pydantic import ValidationError
from pydantic_core import from_json
from stdnum.cn import uscc

from connectors.catalogue import FAMILIES, Kind, Metric
from connectors.compact import CompactError, as_items, is_compact
from connectors.compact import decode as decode_block
from connectors.kafka.partitioner import partition_of
from connectors.models import ENTERPRISE_ID_PATTERN, Enterprise, Message, Signal
from connectors.topics import MAX_RECORD_BYTES, REGISTRY

M = TypeVar("M", bound=Message)
Reason: TypeAlias = Literal[
    # The record has no value.
    "empty",
    # The record is larger than MAX_RECORD_BYTES.
    "oversized",
    # The bytes are not UTF-8.
    "bad-utf8",
    # The text is not JSON.
    "bad-json",
    # The record begins like the compact form and is none.
    "bad-compact",
    # The JSON is neither an object nor an array of objects.
    "not-an-object",
    # The message is of a version that this program does not know.
    "unknown-version",
    # A field that the message must have is not there.
    "missing-field",
    # A field that the message does not have.
    "unknown-field",
    # A field's value is of the wrong type or form.
    "bad-value",
    # A number is NaN or infinite.
    "non-finite",
    # A number is too large to be meant.
    "out-of-range",
    # A time has no zone.
    "naive-time",
    # A time lies after the moment at which the record was written.
    "future-time",
    # A time lies before 1990.
    "ancient-time",
    # The family is not in the catalogue.
    "unknown-family",
    # The family's catalogue does not have this metric.
    "unknown-metric",
    # The metric has another unit.
    "unknown-unit",
    # The event's payload lacks a key, or a key has a value that is not in its list.
    "bad-payload",
    # The signal's family belongs to another topic.
    "wrong-topic",
    # The enterprise belongs to another partition: its producer uses another partitioner.
    "wrong-partition",
    # A correction of a reading finer than a day must carry the day's total with a higher revision.
    "needs-day-total",
    # The same period was reported before with the same revision and another value.
    "conflict",
    # The engine failed on it twice.
    "engine-error",
    # A detector failed while a period was closed; the signals themselves are not lost.
    "detector-error",
    # Kafka deleted the records by age before they were read; the letter stands for all of them.
    "input-lost",
]
#: Every reason that a dead letter may give.
REASONS: tuple[str, ...] = get_args(Reason)

INPUT_LOST: Reason = "input-lost"
BAD_CHECK_CHARACTER = "bad-check-character"
#: Clocks differ: this much ahead of the record's own time is not the future yet. Milliseconds.
FUTURE_TOLERANCE_MS = 10 * 60_000
ANCIENT_MS = 631_152_000_000  # 1990-01-01T00:00:00Z
#: A quadrillion kilowatt-hours or yuan; larger numbers are garbage, and their sums would overflow.
LARGEST = 1e15
_ID = re.compile(ENTERPRISE_ID_PATTERN)
# GB 32100: the weighted sum of a unified social credit code's characters is a multiple of 31.
_ALPHABET = b"0123456789ABCDEFGHJKLMNPQRTUWXY"
_CODE = re.compile(rf"[0-9]{{8}}[{_ALPHABET.decode()}]{{10}}")
_WEIGHTS = (*(pow(3, place, 31) for place in range(17)), 1)
_VALUES = bytes.maketrans(_ALPHABET, bytes(range(31)))

_BY_TYPE: Mapping[str, Reason] = {
    "missing": "missing-field",
    "extra_forbidden": "unknown-field",
    "finite_number": "non-finite",
    "timezone_aware": "naive-time",
}


@dataclass(frozen=True, slots=True)
class Received:
    """A valid message and where it stands. ``time`` is the record's time in milliseconds."""

    message: Signal | Enterprise
    topic: str
    partition: int
    offset: int
    index: int
    time: int
    flags: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Refused:
    """Why a record, or one signal of an envelope, is not valid.

    ``index`` and ``original`` are None for a whole record; for one signal of an envelope they are its place and JSON.
    """

    reason: Reason
    detail: str
    field: str | None = None
    index: int | None = None
    original: bytes | None = None


class _InvalidError(Exception):
    def __init__(self, reason: Reason, detail: str, field: str | None = None) -> None:
        super().__init__(detail)
        self.refused = Refused(reason, detail, field)


def encode_envelope(signals: Iterable[Signal]) -> bytes:
    """Return one record for several signals of the same partition: a JSON array.

    Examples
    --------
    >>> encode_envelope([])
    b'[]'
    """
    return b"[" + b",".join(signal.wire() for signal in signals) + b"]"


class Decoder:
    """Decodes and checks the records of the input topics.

    Parameters
    ----------
    partitions
        Partition count of the stack: an enterprise belongs to exactly one.
    """

    def __init__(self, partitions: int) -> None:
        self._partition_of = lru_cache(maxsize=262_144)(lambda enterprise: partition_of(enterprise, partitions))
        self._flags_of = lru_cache(maxsize=262_144)(_flags_of)

    def decode(
        self, topic: str, partition: int, offset: int, key: bytes | None, value: bytes | None, time: int
    ) -> list[Received | Refused]:
        """Return what one record holds, in its order.

        Parameters
        ----------
        topic, partition, offset, key, value
            The record. The key does not matter: the partition is checked against each signal's own enterprise.
        time
            The record's time, milliseconds; no signal may speak of a later one.

        Returns
        -------
        list
            One entry for a single signal, one per signal of an envelope (empty for an empty one), never an exception.
        """
        try:
            content = _parse(value) if value is None or not is_compact(value) else _unfold(value)
            if isinstance(content, list) and topic != REGISTRY:
                return [self._one(item, topic, partition, offset, i, time) for i, item in enumerate(content)]
            return [self._checked(content, topic, partition, offset, 0, time)]
        except _InvalidError as error:
            return [error.refused]

    def accepts(self, enterprise: str, partition: int) -> bool:
        """Whether this is an enterprise's id, and its signals belong to this partition."""
        return bool(_ID.fullmatch(enterprise)) and self._partition_of(enterprise) == partition

    def flags(self, enterprise: str) -> tuple[str, ...]:
        """Return what is odd about an enterprise's id."""
        return self._flags_of(enterprise)

    def _one(self, item: Any, topic: str, partition: int, offset: int, index: int, time: int) -> Received | Refused:
        try:
            return self._checked(item, topic, partition, offset, index, time)
        except _InvalidError as error:
            return replace(error.refused, index=index, original=_as_json(item))

    def _checked(self, item: Any, topic: str, partition: int, offset: int, index: int, time: int) -> Received:
        if not isinstance(item, dict):
            raise _InvalidError("not-an-object", f"expected a JSON object, found {type(item).__name__}")
        message: Signal | Enterprise
        if topic == REGISTRY:
            message = _validated(Enterprise, item)
        else:
            message = _validated(Signal, item)
            _check_signal(message, topic)
            _check_time("event_time", message.event_time.timestamp() * 1000, time)
        if message.published_at is not None:
            _check_time("published_at", message.published_at.timestamp() * 1000, time)
        home = self._partition_of(message.enterprise_id)
        if home != partition:
            detail = f"enterprise belongs to partition {home}, not {partition}: use the murmur2 partitioner"
            raise _InvalidError("wrong-partition", detail, "enterprise_id")
        return Received(message, topic, partition, offset, index, time, self._flags_of(message.enterprise_id))


def _parse(value: bytes | None) -> Any:
    if not value:
        raise _InvalidError("empty", "the record has no value")
    if len(value) > MAX_RECORD_BYTES:
        raise _InvalidError("oversized", f"{len(value)} bytes, at most {MAX_RECORD_BYTES} are accepted")
    try:
        value.decode("utf-8")
    except UnicodeDecodeError as error:
        raise _InvalidError("bad-utf8", f"byte {error.start}: {error.reason}") from error
    try:
        return from_json(value)
    except ValueError as error:
        raise _InvalidError("bad-json", str(error)) from error


def _unfold(value: bytes) -> list[dict[str, Any]]:
    """Return the readings of a compact record as JSON would have them."""
    if len(value) > MAX_RECORD_BYTES:
        raise _InvalidError("oversized", f"{len(value)} bytes, at most {MAX_RECORD_BYTES} are accepted")
    try:
        return list(as_items(decode_block(value)))
    except CompactError as error:
        raise _InvalidError("bad-compact", str(error)) from error


def _validated(model: type[M], item: dict[str, Any]) -> M:
    try:
        return model.model_validate(item)
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
        field = ".".join(str(place) for place in first["loc"]) or None
        reason: Reason = "unknown-version" if first["loc"] == ("v",) else _BY_TYPE.get(first["type"], "bad-value")
        raise _InvalidError(reason, f"{field}: {first['msg']}", field) from None


def _check_signal(signal: Signal, topic: str) -> None:
    family = FAMILIES.get(signal.family)
    if family is None:
        raise _InvalidError("unknown-family", f"{signal.family!r}; known: {', '.join(FAMILIES)}", "family")
    if topic != f"signals.{signal.family}":
        raise _InvalidError("wrong-topic", f"family {signal.family} belongs to topic signals.{signal.family}", "family")
    metric = family.metrics.get(signal.metric)
    if metric is None:
        known = ", ".join(family.metrics)
        raise _InvalidError("unknown-metric", f"{signal.metric!r}; {signal.family} has: {known}", "metric")
    if metric.kind is Kind.READING:
        _check_reading(signal, metric)
    else:
        _check_event(signal, metric)


def _check_reading(signal: Signal, metric: Metric) -> None:
    if signal.value is None:
        raise _InvalidError("missing-field", f"value: {metric.name} is a reading", "value")
    if signal.payload is not None:
        raise _InvalidError("bad-payload", f"{metric.name} is a reading and has no payload", "payload")
    if signal.unit != metric.unit:
        raise _InvalidError("unknown-unit", f"{signal.unit!r}; {metric.name} is in {metric.unit}", "unit")
    if not -LARGEST <= signal.value <= LARGEST:
        raise _InvalidError("out-of-range", f"value: {signal.value:g} is beyond ±{LARGEST:g}", "value")


def _check_event(signal: Signal, metric: Metric) -> None:
    if signal.payload is None:
        raise _InvalidError("missing-field", f"payload: {metric.name} is an event", "payload")
    if signal.value is not None:
        raise _InvalidError("bad-payload", f"{metric.name} is an event and has no value", "value")
    for name in metric.required:
        if not isinstance(signal.payload.get(name), str) or not signal.payload[name]:
            raise _InvalidError("bad-payload", f"payload.{name}: a text is needed", f"payload.{name}")
    for name, known in metric.values.items():
        if signal.payload[name] not in known:
            detail = f"payload.{name}: {signal.payload[name]!r}; known: {', '.join(sorted(known))}"
            raise _InvalidError("bad-payload", detail, f"payload.{name}")


def _check_time(field: str, told: float, written: int) -> None:
    if told > written + FUTURE_TOLERANCE_MS:
        raise _InvalidError("future-time", f"{field} lies {(told - written) / 60_000:.0f} min after the record", field)
    if told < ANCIENT_MS:
        raise _InvalidError("ancient-time", f"{field} lies before 1990", field)


def _flags_of(enterprise: str) -> tuple[str, ...]:
    looks_like_code = len(enterprise) == 18
    return (BAD_CHECK_CHARACTER,) if looks_like_code and not _checks_out(enterprise) else ()


def _checks_out(code: str) -> bool:
    """Return ``uscc.is_valid(code)``; a scorer or recorder that starts asks for every enterprise."""
    if not _CODE.fullmatch(code):
        return bool(uscc.is_valid(code))
    total: int = sum(map(mul, _WEIGHTS, code.encode().translate(_VALUES)))
    return total % 31 == 0


def _as_json(item: Any) -> bytes:
    try:
        return json.dumps(item, ensure_ascii=False).encode()  # unlike msgspec, it keeps a NaN that was sent
    except (TypeError, ValueError, RecursionError):
        return repr(item).encode("utf-8", "replace")
