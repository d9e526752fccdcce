"""What the commands share that feed a stack: writer, bookmark, quarantine, progress and errors that say what to do."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from zoneinfo import ZoneInfo

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, ProgressColumn, TextColumn, TimeElapsedColumn

from connectors.contract import Batch, OrderError, Source, SourceConfigError, SourceError, WriteError
from connectors.kafka.admin import KafkaAwayError
from connectors.kafka.writer import SignalWriter
from streams import ingest
from streams.cli.common import err, fail
from streams.clock import SystemClock
from streams.quarantine import Quarantine
from streams.runtime import endpoints
from streams.settings import Settings

INTERRUPTED = 130
AfterBatch = Callable[[ingest.Progress, Batch], None]


@contextmanager
def told_plainly() -> Iterator[None]:
    """Turn what may go wrong while feeding into one line and an exit code."""
    try:
        yield
    except (SourceConfigError, OrderError) as error:
        fail(str(error), 2)
    except SourceError as error:
        fail(f"{error}; run the same command again to go on from there")
    except (WriteError, KafkaAwayError) as error:
        fail(f"{error}; run the same command again to go on from there")
    except OSError as error:
        fail(f"{error.filename or ''}: {error.strerror or error}")
    except KeyboardInterrupt:
        err.print("interrupted; run the same command again to go on from there")
        raise typer.Exit(INTERRUPTED) from None


def feed(
    settings: Settings,
    source: Source,
    identity: str,
    *,
    fresh: bool = False,
    envelope: int = 1,
    compact: bool = False,
    after_batch: AfterBatch | None = None,
) -> ingest.Progress:
    """Send a source into the stack, from where it stood.

    Parameters
    ----------
    settings
        Which stack.
    source
        From where.
    identity
        What is sent; the bookmark is kept under it and the address of Kafka.
    fresh
        Whether to begin again.
    envelope
        How many signals of one partition make one record.
    compact
        Whether readings in an envelope are written as columns.
    after_batch
        As for :meth:`streams.ingest.Ingestion.run`.
    """
    kafka = endpoints(settings).kafka
    bookmark = ingest.Bookmark(settings.data_dir, f"{kafka} {identity}")
    if fresh:
        bookmark.forget()
    before = bookmark.load()
    if before.done:
        return before
    zone = ZoneInfo(settings.zone)
    writer = SignalWriter(kafka, simulated=settings.simulated, zone=zone, envelope=envelope, compact=compact)
    quarantine = Quarantine(Quarantine.path_for(settings.data_dir, source.name))
    try:
        return ingest.Ingestion(
            source, writer, bookmark, quarantine, SystemClock(), zone, simulated=settings.simulated
        ).run(after_batch)
    finally:
        writer.close()


def progress_bar(*columns: ProgressColumn) -> Progress:
    """Return a bar on stderr that vanishes when it is done; the columns come before the elapsed time."""
    shown = columns or (MofNCompleteColumn(),)
    return Progress(
        TextColumn("{task.description}"), BarColumn(), *shown, TimeElapsedColumn(), console=err, transient=True
    )


def summary(progress: ingest.Progress, **more: Any) -> dict[str, Any]:
    """Return what ``--json`` prints: counts over all runs by topic and by reason; ``more`` adds to them or replaces."""
    return {
        "sent": progress.sent.total(),
        "by_topic": dict(sorted(progress.sent.items())),
        "rejected": progress.rejected.total(),
        "by_reason": dict(sorted(progress.rejected.items())),
        "done": progress.done,
    } | more
