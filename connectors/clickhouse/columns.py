"""What a column is: its ClickHouse type, how its values become Arrow, and where they are in a record."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from operator import attrgetter
from typing import Any

import msgspec
import numpy as np
import pyarrow as pa  # type: ignore[import-untyped]  # it ships no types
import pyarrow.compute as pc  # type: ignore[import-untyped]  # it ships no types
from numpy.typing import NDArray

#: What DateTime64(3) can hold, milliseconds: 1900-01-01 to 2299-12-31. Times beyond are stored as the nearer end.
EARLIEST_MS, LATEST_MS = -2_208_988_800_000, 10_413_791_999_999
_INT64 = (-(2**63), 2**63 - 1)


@dataclass(frozen=True, slots=True)
class Type:
    """A column type on both sides.

    Parameters
    ----------
    sql
        Its name in ClickHouse.
    arrow
        What is sent.
    convert
        Makes one value into what Arrow takes; None where the value is taken as it is.
    """

    sql: str
    arrow: pa.DataType
    convert: Callable[[Any], Any] | None = None

    def array(self, values: Sequence[Any]) -> pa.Array:
        """Return the values as one Arrow array.

        Whole numbers and times that the column cannot hold become the nearest that it can: one absurd number of a
        source must not hold up everything behind it.
        """
        if self.convert is not None:
            values = [self.convert(value) for value in values]
        if pa.types.is_timestamp(self.arrow):
            return _milliseconds(values)
        try:
            return pa.array(values, self.arrow)
        except OverflowError:
            if not pa.types.is_int64(self.arrow):
                raise
            low, high = _INT64
            return pa.array([None if v is None else min(max(v, low), high) for v in values], self.arrow)


def _milliseconds(values: Sequence[Any]) -> pa.Array:
    """Return times, milliseconds or aware datetimes, rounded as ``round()`` does: half to even."""
    first = next((value for value in values if value is not None), None)
    if isinstance(first, datetime):
        exact = pa.array(values, pa.timestamp("us", "UTC")).cast(pa.int64())
        micros = pc.fill_null(exact, 0).to_numpy(zero_copy_only=False)
        whole, rest = np.divmod(micros, 1000)
        times = whole + ((rest > 500) | ((rest == 500) & (whole % 2 == 1)))
    else:
        exact = pa.array(values, pa.int64())
        times = pc.fill_null(exact, 0).to_numpy(zero_copy_only=False)
    missing = pc.is_null(exact).to_numpy(zero_copy_only=False) if exact.null_count else None
    return pa.array(within(times), pa.int64(), mask=missing).cast(TIME.arrow)


def within(times: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return times, milliseconds, as a column can hold them."""
    held: NDArray[np.int64] = np.clip(times, EARLIEST_MS, LATEST_MS)
    return held


def _json(value: Any) -> str:
    try:
        return msgspec.json.encode(value).decode()
    except OverflowError:  # msgspec stops at 64 bits, JSON does not
        return json.dumps(value, ensure_ascii=False)


def _records(models: Sequence[Any]) -> list[dict[str, Any]]:
    return [model.model_dump() for model in models]


#: How texts are sent of which there are few different ones.
FEW = pa.dictionary(pa.int32(), pa.string())
TEXT = Type("String", pa.string())
#: A text of which there are few different ones.
NAME = Type("LowCardinality(String)", FEW)
FLAG = Type("Bool", pa.bool_())
MAYBE_FLAG = Type("Nullable(Bool)", pa.bool_())
FLOAT = Type("Float64", pa.float64())
MAYBE_FLOAT = Type("Nullable(Float64)", pa.float64())
TINY = Type("UInt8", pa.uint8())
INT = Type("Int64", pa.int64())
MAYBE_INT = Type("Nullable(Int64)", pa.int64())
TIME = Type("DateTime64(3, 'UTC')", pa.timestamp("ms", "UTC"))
MAYBE_TIME = Type("Nullable(DateTime64(3, 'UTC'))", pa.timestamp("ms", "UTC"))
#: Ordered: ``level >= 'orange'`` means what it says.
LEVEL = Type("Enum8('none' = 0, 'blue' = 1, 'yellow' = 2, 'orange' = 3, 'red' = 4)", pa.string())
TEXTS = Type("Array(String)", pa.list_(pa.string()))
NAMES = Type("Array(LowCardinality(String))", pa.list_(pa.string()), list)
JSON_OBJECT = Type("String", pa.string(), _json)
#: A text that may be missing; a missing one is stored as the empty text, which no source means.
MAYBE_NAME = Type("LowCardinality(String)", FEW, lambda value: value or "")
MAYBE_TEXT = Type("String", pa.string(), lambda value: value or "")
MAYBE_JSON = Type("String", pa.string(), lambda value: "" if value is None else _json(value))
#: The two languages of a text that may be missing.
CHINESE = Type("String", pa.string(), lambda value: value.zh if value else "")
ENGLISH = Type("String", pa.string(), lambda value: value.en if value else "")
TEXT_MAP = Type(
    "Map(LowCardinality(String), String)", pa.map_(pa.string(), pa.string()), lambda value: list(value.items())
)

_EVIDENCE_SQL = "Array(Tuple(topic String, partition Int64, offset Int64, idx Int64))"
_EVIDENCE = pa.list_(
    pa.struct([("topic", pa.string()), ("partition", pa.int64()), ("offset", pa.int64()), ("idx", pa.int64())])
)


def _evidence(models: Sequence[Any]) -> list[dict[str, Any]]:
    return [{"topic": m.topic, "partition": m.partition, "offset": m.offset, "idx": m.index} for m in models]


def _reasons(models: Sequence[Any]) -> list[dict[str, Any]]:
    return [{**model.model_dump(exclude={"evidence"}), "evidence": _evidence(model.evidence)} for model in models]


EVIDENCE = Type(_EVIDENCE_SQL, _EVIDENCE, _evidence)
REASONS = Type(
    "Array(Tuple(reason String, family String, zh String, en String, severity Float64, observed Nullable(Float64), "
    f"expected Nullable(Float64), unit String, since DateTime64(3, 'UTC'), evidence {_EVIDENCE_SQL}))",
    pa.list_(
        pa.struct(
            [
                ("reason", pa.string()),
                ("family", pa.string()),
                ("zh", pa.string()),
                ("en", pa.string()),
                ("severity", pa.float64()),
                ("observed", pa.float64()),
                ("expected", pa.float64()),
                ("unit", pa.string()),
                ("since", pa.timestamp("ms", "UTC")),
                ("evidence", _EVIDENCE),
            ]
        )
    ),
    _reasons,
)
FAMILIES = Type(
    "Array(Tuple(family String, score Float64, coverage String, newest_event_time Nullable(DateTime64(3, 'UTC'))))",
    pa.list_(
        pa.struct(
            [
                ("family", pa.string()),
                ("score", pa.float64()),
                ("coverage", pa.string()),
                ("newest_event_time", pa.timestamp("ms", "UTC")),
            ]
        )
    ),
    _records,
)
RELATIONS = Type(
    "Array(Tuple(enterprise_id String, kind String, share Nullable(Float64)))",
    pa.list_(pa.struct([("enterprise_id", pa.string()), ("kind", pa.string()), ("share", pa.float64())])),
    _records,
)

#: Codecs, by what the values are like.
IN_STEPS = "Delta, ZSTD(1)"
REGULAR = "DoubleDelta, ZSTD(1)"
GAUGE = "Gorilla, ZSTD(1)"
PROSE = "ZSTD(3)"


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a table.

    Parameters
    ----------
    name, type, comment
        As in ClickHouse. The comment is what an analyst reads.
    of
        Where its value is in a record: a dotted path from the record (``offset``, ``message.value``); empty where
        ClickHouse computes it by ``default``.
    codec
        How it is compressed; empty for the server's default.
    default
        SQL expression of other columns.
    since
        Number of the migration that brings it.
    """

    name: str
    type: Type
    comment: str
    of: str
    codec: str = ""
    default: str = ""
    since: int = 1

    def format_sql(self) -> str:
        """Return its declaration for CREATE TABLE and ADD COLUMN."""
        parts = [f"`{self.name}` {self.type.sql}"]
        if self.default:
            parts.append(f"DEFAULT {self.default}")
        parts.append(f"COMMENT {quoted(self.comment)}")
        if self.codec:
            parts.append(f"CODEC({self.codec})")
        return " ".join(parts)

    def array(self, records: Sequence[Any]) -> pa.Array:
        """Return its values of the records."""
        return self.type.array(list(map(attrgetter(self.of), records)))


def quoted(text: str) -> str:
    r"""Return a text of ours as an SQL literal; not for input, which goes into bound parameters.

    Examples
    --------
    >>> quoted("it's")
    "'it\\'s'"
    """
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"
