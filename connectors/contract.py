"""What a source is: it yields batches of messages and says where it stands.

A connector is a class with two properties and one method. It imports nothing of ours but the message models; it is
found through the entry-point group ``forewarn.connectors`` (:mod:`connectors.registry`) and checked by
:func:`connectors.testing.check_source`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol, TypeAlias

from connectors.models import Enterprise, Heartbeat, Signal

#: The largest batch that a source may yield. The receiver flushes, and saves the position, after each.
MAX_BATCH = 10_000


class SourceError(Exception):
    """The source cannot go on now: wait, then read again from the last position."""


class SourceConfigError(ValueError):
    """The source cannot work with these options or this position: a person must change them. The message says how."""


class WriteError(Exception):
    """Messages could not be stored. Go on later from the last stored position, with a new writer."""


class OversizedError(ValueError):
    """One message is too large for any record: reject it and go on."""


class OrderError(ValueError):
    """A simulated stack was given a message after one that is published later: the source must sort."""


@dataclass(frozen=True, slots=True)
class Rejected:
    """One row, or one cell of it, that is not a message.

    Parameters
    ----------
    file
        Where it stood: a file's name, an address, a table.
    row
        Its number there, from 1; the header of a file is a row too.
    column
        Which column or field is wrong; empty for the whole row.
    reason
        A short code, such as those of :data:`connectors.decoding.REASONS`.
    detail
        What is wrong, for a person.
    text
        The original text.
    """

    file: str
    row: int
    column: str
    reason: str
    detail: str
    text: str


#: What a batch holds.
Item: TypeAlias = Signal | Enterprise | Rejected


class Batch(NamedTuple):
    """Some items and the position behind them. Without items it says: alive, nothing new."""

    items: Sequence[Item]
    position: str


class Source(Protocol):
    """Where signals come from. The guarantee is at least once; the scorer drops what it has seen.

    * A message is valid for the catalogue. What is not becomes a :class:`Rejected`; bad input never raises.
    * ``source_id`` depends on the observation alone: reading it again gives the same one. A restatement has the same
      ``source_id`` and a higher ``revision``.
    * ``backfill`` is the source's to set: history that builds baselines and notifies nobody.
    * Nobody but the source reads its clock: what it needs of time or chance it takes as an argument.
    """

    @property
    def name(self) -> str:
        """The name that heartbeats carry; the ``source`` of its signals unless these name another one."""
        ...

    @property
    def families(self) -> Sequence[str]:
        """The families of the catalogue that it feeds; empty if it has registry entries only."""
        ...

    def read(self, position: str = "") -> Iterator[Batch]:
        """Yield what comes after a position, in order, and end when there is nothing more to come.

        May block between batches; a source that waits for news yields an empty batch at least every 30 seconds. What
        has been yielded is not yet stored: only a position that comes back as the argument is. Positions are opaque
        texts; the empty one is the beginning.

        Raises
        ------
        SourceError
            To be called again later, from the last position that was stored.
        SourceConfigError
            When the position belongs to something else, or the options cannot work.
        """
        ...


class Writer(Protocol):
    """Where messages go: a stack (:class:`connectors.kafka.writer.SignalWriter`) or a recording fake."""

    def send(self, message: Signal | Enterprise) -> None:
        """Take one message; may block for back-pressure. It is not stored before ``flush`` returns.

        Raises
        ------
        WriteError
            If something sent earlier could not be stored.
        OversizedError, OrderError
            If this message cannot be sent; the writer itself can go on.
        """
        ...

    def flush(self) -> None:
        """Block until everything sent is stored, or raise; afterwards a position may be kept."""
        ...

    def beat(self, heartbeat: Heartbeat) -> None:
        """Say that a source lives. Best effort: it may be lost."""
        ...

    def close(self) -> None:
        """Let go of connections. What was not flushed may be lost."""
        ...
