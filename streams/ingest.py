"""From a source into a stack: send, flush, keep the position, quarantine what is not a message, say that it lives."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any, Literal
from zoneinfo import ZoneInfo

from connectors.contract import Batch, OversizedError, Rejected, Source, SourceError, Writer
from connectors.models import Enterprise, Heartbeat, Signal
from connectors.recordtime import record_time_ms, topic_of
from streams.clock import Clock, millis, moment
from streams.quarantine import Quarantine
from streams.runtime import replace_file

_KEEP_EVERY_S = 0.5
_BEAT_EVERY_MS = 10_000
_BEAT_EVERY_SIMULATED_MS = 86_400_000
Status = Literal["alive", "idle", "error", "done"]


@dataclass(slots=True)
class Progress:
    """What an ingestion has done, over all its runs.

    ``sent`` counts by topic, ``rejected`` by reason; ``newest`` is the newest event time in milliseconds, ``now`` the
    newest record time. ``earlier`` is the part of ``sent`` that former runs have sent.
    """

    position: str = ""
    done: bool = False
    sent: Counter[str] = field(default_factory=Counter)
    rejected: Counter[str] = field(default_factory=Counter)
    newest: int = 0
    now: int = 0
    earlier: Counter[str] = field(default_factory=Counter)

    def as_json(self) -> dict[str, Any]:
        """Return it as plain data."""
        return {
            "position": self.position,
            "done": self.done,
            "sent": dict(self.sent),
            "rejected": dict(self.rejected),
            "newest": self.newest,
            "now": self.now,
        }


class Bookmark:
    """Where an ingestion stands: a small file, replaced as a whole.

    Parameters
    ----------
    data_dir
        The stack's directory.
    identity
        What is ingested: two ingestions of the same thing share their bookmark.
    """

    def __init__(self, data_dir: Path, identity: str) -> None:
        self.path = data_dir / "ingest" / f"{sha256(identity.encode()).hexdigest()[:24]}.json"
        self._identity = identity

    def load(self) -> Progress:
        """Return what was kept; a fresh start if nothing was."""
        try:
            kept = json.loads(self.path.read_text(encoding="utf-8"))
            return Progress(
                str(kept["position"]),
                bool(kept["done"]),
                Counter(kept["sent"]),
                Counter(kept["rejected"]),
                int(kept["newest"]),
                int(kept["now"]),
                earlier=Counter(kept["sent"]),
            )
        except FileNotFoundError:
            return Progress()
        except (ValueError, KeyError, TypeError) as error:
            message = f"{self.path} is damaged ({error!r}): remove it to begin again; what is sent twice counts once"
            raise ValueError(message) from error

    def keep(self, progress: Progress) -> None:
        """Put it on disk; only for a position whose messages are stored."""
        content = {"identity": self._identity, **progress.as_json()}
        replace_file(self.path, json.dumps(content, ensure_ascii=False, indent=1).encode())

    def forget(self) -> None:
        """Begin again at the next run."""
        self.path.unlink(missing_ok=True)


@dataclass(frozen=True, slots=True)
class Ingestion:
    """One source on its way into one stack.

    Parameters
    ----------
    source, writer
        From where and to where.
    bookmark
        Where the position is kept.
    quarantine
        Where rejected rows go.
    clock
        For heartbeats and for how often the bookmark is written.
    zone
        In which days and months are calendar ones.
    simulated
        Whether heartbeats carry the data's time instead of the clock's.
    """

    source: Source
    writer: Writer
    bookmark: Bookmark
    quarantine: Quarantine
    clock: Clock
    zone: ZoneInfo
    simulated: bool

    def run(self, after_batch: Callable[[Progress, Batch], None] | None = None) -> Progress:
        """Send everything behind the bookmark and return what was done.

        Harmless at any interruption: at most what came after the bookmark is sent again, with the same ids.

        Parameters
        ----------
        after_batch
            Called when a batch is stored; it may wait, to pace the stream.

        Raises
        ------
        connectors.contract.SourceError, connectors.contract.SourceConfigError, connectors.contract.WriteError
            With the bookmark behind everything that is stored.
        """
        progress = self.bookmark.load()
        if progress.done:
            return progress
        kept = beaten = float("-inf")
        try:
            for batch in self.source.read(progress.position):
                self._take(batch, progress)
                if self._now(progress) - beaten >= self._between_beats():
                    beaten = self._beat(progress, "alive" if batch.items else "idle")
                if self.clock.monotonic() - kept >= _KEEP_EVERY_S:
                    self.bookmark.keep(progress)
                    kept = self.clock.monotonic()
                if after_batch is not None:
                    after_batch(progress, batch)
        except SourceError as error:
            self._beat(progress, "error", str(error))
            raise
        finally:
            if progress.position:
                self.bookmark.keep(progress)
        self._beat(progress, "done")
        progress.done = True
        self.bookmark.keep(progress)
        return progress

    def _take(self, batch: Batch, progress: Progress) -> None:
        """Store a batch; only then it counts."""
        sent: list[Signal | Enterprise] = []
        rejected: list[Rejected] = []
        for item in batch.items:
            if isinstance(item, Rejected):
                rejected.append(item)
                continue
            try:
                self.writer.send(item)
                sent.append(item)
            except OversizedError as error:
                rejected.append(_oversized(item, error))
        self.writer.flush()
        for row in rejected:
            self.quarantine.add(row)
        self.quarantine.flush()
        progress.position = batch.position
        progress.rejected.update(row.reason for row in rejected)
        progress.sent.update(map(topic_of, sent))
        if sent:
            events = [millis(item.event_time) for item in sent if isinstance(item, Signal)]
            progress.newest = max(progress.newest, *events) if events else progress.newest
            progress.now = max(progress.now, record_time_ms(sent[-1], self.zone))

    def _now(self, progress: Progress) -> int:
        return progress.now if self.simulated and progress.now else self.clock.now_ms()

    def _between_beats(self) -> int:
        return _BEAT_EVERY_SIMULATED_MS if self.simulated else _BEAT_EVERY_MS

    def _beat(self, progress: Progress, status: Status, message: str = "") -> int:
        now = self._now(progress)
        self.writer.beat(
            Heartbeat(
                source=self.source.name,
                at=moment(now),
                status=status,
                families=list(self.source.families),
                position=progress.position,
                newest_event_time=moment(progress.newest) if progress.newest else None,
                lag_seconds=max(0.0, (now - progress.newest) / 1000) if progress.newest else None,
                sent=progress.sent.total(),
                rejected=progress.rejected.total(),
                message=message,
            )
        )
        self.writer.flush()
        return now


def _oversized(message: Signal | Enterprise, error: OversizedError) -> Rejected:
    text = message.wire()[:2_000].decode("utf-8", "replace")
    return Rejected(message.source, 1, "", "oversized", str(error), text)
