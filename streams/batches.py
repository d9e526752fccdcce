"""Records straight from fetched batches.

aiokafka makes an object of eleven fields for each record and hands it through four Python calls, which takes longer
than finding the record in its batch. Here a batch becomes a list at once. It touches private parts of aiokafka's
fetcher, which pyproject.toml pins.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import Any

from aiokafka.consumer.fetcher import (  # type: ignore[import-untyped]  # ships no types
    READ_COMMITTED,
    FetchResult,
    PartitionRecords,
)
from aiokafka.errors import CorruptRecordException  # type: ignore[import-untyped]  # ships no types

from streams.shard import Record

_new = tuple.__new__  # half the time of Record(…), which asks for its arguments by name


class Batches(PartitionRecords):  # type: ignore[misc]  # untyped
    """What a fetch brought of one partition, read batch by batch."""

    next_fetch_offset: int

    def _unpack_records(self) -> Iterator[Record]:
        batches = self._records
        while batches.has_next():
            batch = batches.next_batch()
            if self._check_crcs and not batch.validate_crc():
                message = f"invalid checksum in {self._tp}"
                raise CorruptRecordException(message)
            if self._is_for_readers(batch):
                begin = self.next_fetch_offset
                found = [_new(Record, (r.offset, r.timestamp, r.key, r.value)) for r in batch]
                # A batch is fetched whole, even if its first records have been read.
                yield from found if found and found[0].offset >= begin else (r for r in found if r.offset >= begin)
            # Beyond a batch's last record there may be offsets that hold none any more.
            self.next_fetch_offset = batch.next_offset

    def _is_for_readers(self, batch: Any) -> bool:
        """Tell whether a batch holds records that count: no marker of a transaction, nor what was aborted."""
        if self._isolation_level == READ_COMMITTED and batch.producer_id is not None:
            self._consume_aborted_up_to(batch.base_offset)
            if batch.is_control_batch:
                if self._contains_abort_marker(batch):
                    self._aborted_producers.discard(batch.producer_id)
                return False
            return not (batch.is_transactional and batch.producer_id in self._aborted_producers)
        return not batch.is_control_batch

    def take(self, most: int | None) -> tuple[list[Record], bool]:
        """Return the next records, and whether there may be more after them."""
        records = list(islice(self._records_iterator, most))
        if most is None or len(records) < most:
            return records, False
        self.next_fetch_offset = records[-1].offset + 1
        return records, True


def lighten(fetcher: Any) -> None:
    """Make aiokafka's fetcher hand out a :class:`~streams.shard.Record` for each record, not a ConsumerRecord."""
    process = fetcher._proc_fetch_request

    async def process_lightly(*request: Any) -> Any:
        # No await between the moment at which answers lie in the fetcher's hands and the loop below.
        ended = await process(*request)
        for result in fetcher._records.values():
            if isinstance(result, FetchResult) and result.has_more():
                _lighten(result)
        return ended

    fetcher._proc_fetch_request = process_lightly


def _lighten(result: Any) -> None:
    plain = result._partition_records
    if isinstance(plain, Batches):
        return
    result._partition_records = Batches(
        plain._tp,
        plain._records,
        plain._aborted_transactions,
        plain.next_fetch_offset,
        None,
        None,
        plain._check_crcs,
        plain._isolation_level,
    )

    def getall(max_records: int | None = None) -> list[Record]:
        if not result.check_assignment(result._topic_partition) or not result.has_more():
            return []
        batches: Batches = result._partition_records
        records, more = batches.take(max_records)
        result._update_position()
        if not more:
            result._partition_records = None
        return records

    result.getall = getall
