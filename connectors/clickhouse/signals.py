"""Readings as rows of ``signals``: from the columns of a frame to an Arrow block, with no object per row."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain
from typing import Any

import numpy as np
import pyarrow as pa  # type: ignore[import-untyped]  # it ships no types
import pyarrow.compute as pc  # type: ignore[import-untyped]  # it ships no types
from numpy.typing import NDArray

from connectors.catalogue import FAMILIES
from connectors.clickhouse.columns import FEW, TIME, within
from connectors.clickhouse.schema import SIGNALS
from connectors.readings import NO_TIME, Readings

_PREFIX = "signals."


def readings_block(parts: Sequence[Readings], flags: Sequence[Sequence[str]]) -> pa.Table:
    """Return readings as one block of the table ``signals``: the rows that their messages would make, in their order.

    Parameters
    ----------
    parts
        Not empty. Their ``rows`` say which of ``flags`` is true of the enterprise.
    flags
        What may be odd about an enterprise.
    """
    counts = [len(part) for part in parts]
    n = sum(counts)
    families = [part.topic.removeprefix(_PREFIX) for part in parts]
    metrics = [part.metric for part in parts]
    units = [FAMILIES[f].metrics[m].unit or "" for f, m in zip(families, metrics, strict=True)]
    told = [np.full(len(p), NO_TIME) if p.published is None else p.published for p in parts]
    none, no_texts = pa.array(np.zeros(n + 1, dtype=np.int32)), pa.array([], pa.string())  # offsets of empty values
    columns = {
        "enterprise_id": pa.array(list(chain.from_iterable(part.enterprises for part in parts)), pa.string()),
        "family": _repeated(families, counts),
        "metric": _repeated(metrics, counts),
        "value": pa.array(_column(part.values for part in parts)),
        "unit": _repeated(units, counts),
        "payload": pa.StringArray.from_buffers(n, none.buffers()[1], pa.py_buffer(b"")),
        "event_time": _times(_column(part.event_times for part in parts)),
        "published_at": _times(_column(told)),
        "source": _few(list(chain.from_iterable(part.sources for part in parts))),
        "source_id": pa.chunked_array([_source_ids(part) for part in parts], pa.string()).combine_chunks(),
        "revision": pa.array(_column(part.revisions for part in parts)),
        "backfill": pa.array(_column(part.backfill for part in parts)),
        "attributes": pa.MapArray.from_arrays(none, no_texts, no_texts),
        "flags": pa.array(flags, pa.list_(pa.string())).take(pa.array(_column(part.rows for part in parts))),
        "v": pa.array(np.ones(n, dtype=np.uint8)),
        "topic": _repeated([part.topic for part in parts], counts),
        "partition": pa.array(np.repeat(np.array([part.partition for part in parts], dtype=np.int64), counts)),
        "offset": pa.array(_column(part.offsets for part in parts)),
        "idx": pa.array(_column(part.indexes for part in parts)),
        "record_time": _times(_column(part.times for part in parts)),
    }
    return pa.table({column.name: columns[column.name] for column in SIGNALS.stored})


def _column(arrays: Any) -> NDArray[Any]:
    return np.concatenate(list(arrays))


def _repeated(texts: Sequence[str], counts: Sequence[int]) -> pa.Array:
    """Return every text so many times."""
    different = list(dict.fromkeys(texts))
    places = np.array([different.index(text) for text in texts], dtype=np.int32)
    return pa.DictionaryArray.from_arrays(pa.array(np.repeat(places, counts)), pa.array(different, pa.string()))


def _few(texts: list[str]) -> pa.Array:
    if texts.count(texts[0]) == len(texts):
        return _repeated(texts[:1], [len(texts)])
    return pa.array(texts, pa.string()).cast(FEW)


def _times(times: NDArray[np.int64]) -> pa.Array:
    missing = times == NO_TIME
    return pa.array(within(times), pa.int64(), mask=missing if missing.any() else None).cast(TIME.arrow)


def _source_ids(part: Readings) -> pa.Array:
    """Return the ids, made where they were not given as :meth:`Readings.ids` makes them."""
    if part.source_ids is not None:
        return pa.array(part.source_ids, pa.string())
    enterprises, times = pa.array(part.enterprises, pa.string()), pa.array(part.event_times)
    return pc.binary_join_element_wise(enterprises, part.metric, times.cast(pa.string()), "/")
