"""What is fetched at once from one partition."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from streams.shard import Record


@dataclass(frozen=True, slots=True)
class Frame:
    """Every record of one partition with an offset in ``[begin, end)``.

    Offsets have holes (compaction, transaction markers), so ``end - begin`` says nothing about how many records there
    are; a frame may even be empty and still move the position.

    Parameters
    ----------
    topic, partition
        Where the records are from.
    begin, end
        The first offset that the frame covers, and the first that it does not.
    records
        In order of their offsets.
    generation
        Which seek of the consumer it was fetched after; a frame of an older one is stale.
    """

    topic: str
    partition: int
    begin: int
    end: int
    records: Sequence[Record]
    generation: int = 0

    def part(self, first: int, last: int) -> Frame:
        """Return the frame of ``records[first:last]``; neighbouring parts cover neighbouring offsets.

        Examples
        --------
        >>> whole = Frame("t", 0, 5, 20, [Record(7, 0, None, None), Record(9, 0, None, None)])
        >>> [(part.begin, part.end) for part in (whole.part(0, 1), whole.part(1, 2))]
        [(5, 8), (8, 20)]
        """
        if first == 0 and last == len(self.records):
            return self
        begin = self.begin if first == 0 else self.records[first - 1].offset + 1
        end = self.end if last == len(self.records) else self.records[last - 1].offset + 1
        return Frame(self.topic, self.partition, begin, end, self.records[first:last], self.generation)
