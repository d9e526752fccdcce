"""``forewarn ingest``: files into the stack."""

from __future__ import annotations

from collections import Counter
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from streams.cli.common import AsJson, DataDir, err, fail, print_json, settings_for

if TYPE_CHECKING:
    from connectors.contract import Batch, Rejected
    from connectors.files import FileSource
    from streams.ingest import Progress as Done
    from streams.settings import Settings

_SHOWN = 5


class FileFormat(StrEnum):
    """As in :mod:`connectors.files`."""

    AUTO = "auto"
    WIDE = "wide-electricity"
    LONG = "long"
    NDJSON = "ndjson"
    REGISTRY = "registry"


class FileEncoding(StrEnum):
    """As in :mod:`connectors.files`."""

    AUTO = "auto"
    UTF8 = "utf-8"
    GB18030 = "gb18030"


def ingest(
    files: Annotated[list[Path], typer.Argument(help="CSV or NDJSON, plain or gzipped.", metavar="FILE…")],
    file_format: Annotated[FileFormat, typer.Option("--format", help="auto: by the first line.")] = FileFormat.AUTO,
    encoding: Annotated[FileEncoding, typer.Option(help="auto: by the bytes.")] = FileEncoding.AUTO,
    source: Annotated[str, typer.Option(help="The source of signals that name none; part of their ids.")] = "files",
    revision: Annotated[int, typer.Option(min=0, help="Revision of a file of corrected values.")] = 0,
    known_since: Annotated[
        datetime | None, typer.Option(formats=["%Y-%m-%d"], help="When registry entries that do not say were known.")
    ] = None,
    backfill: Annotated[bool, typer.Option("--backfill", help="History: builds baselines, notifies nobody.")] = False,
    envelope: Annotated[int, typer.Option(min=1, max=1000, help="Signals of one partition in one record.")] = 1,
    compact: Annotated[bool, typer.Option(help="Write readings as columns; with --envelope 2 or more.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Read and check only.")] = False,
    fresh: Annotated[bool, typer.Option("--fresh", help="Send again what was sent already.")] = False,
    data_dir: DataDir = None,
    json: AsJson = False,
) -> None:
    """Send files into the stack; rows that are wrong go to a quarantine file, the rest goes through.

    It goes on where it was interrupted, and a second run of the same files sends nothing.
    """
    from connectors.files import FileSource
    from streams.cli.feeding import told_plainly
    from streams.quarantine import Quarantine

    settings = settings_for("ingest", data_dir=data_dir)
    for path in files:
        if not path.is_file():
            fail(f"no such file: {path}", 2)
        if path.stat().st_size == 0:
            fail(f"{path} is empty: there is nothing to ingest", 2)
    with told_plainly():
        origin = FileSource(
            files,
            format=file_format.value,
            encoding=encoding.value,
            name=source,
            zone=settings.zone,
            ordered=settings.simulated and not dry_run,
            backfill=backfill,
            revision=revision,
            known_since=known_since,
        )
        result = _check(origin) if dry_run else _send(settings, origin, fresh, envelope, compact)
    if result["rejected"] and not dry_run:
        result["quarantine"] = str(Quarantine.path_for(settings.data_dir, source))
    if json:
        print_json(result)
    else:
        _tell(result, dry_run)


def _send(settings: Settings, origin: FileSource, fresh: bool, envelope: int, compact: bool) -> dict[str, Any]:
    from rich.progress import DownloadColumn, TextColumn

    from streams.cli.feeding import feed, progress_bar, summary

    with progress_bar(DownloadColumn(), TextColumn("{task.fields[sent]:,} sent")) as bar:
        task = bar.add_task("ingesting", total=origin.size, sent=0)

        def after_batch(done: Done, _batch: Batch) -> None:
            bar.update(task, completed=origin.gauge.done, sent=done.sent.total())

        identity = f"{origin.name} {origin.identity}"
        done = feed(
            settings,
            origin,
            identity,
            fresh=fresh,
            envelope=envelope,
            compact=compact,
            after_batch=after_batch,
        )
    now = done.sent - done.earlier
    return summary(done, sent=now.total(), earlier=done.earlier.total(), by_topic=dict(sorted(now.items())))


def _check(origin: FileSource) -> dict[str, Any]:
    """Read everything and count; the first rejected rows are shown."""
    from connectors.contract import Rejected
    from connectors.recordtime import topic_of
    from streams.cli.feeding import progress_bar

    good: Counter[str] = Counter()
    bad: Counter[str] = Counter()
    with progress_bar() as bar:
        task = bar.add_task("checking", total=None)
        for batch in origin.read():
            for item in batch.items:
                if isinstance(item, Rejected):
                    bad[item.reason] += 1
                    if bad.total() <= _SHOWN:
                        bar.console.print(_shown(item), markup=False)
                else:
                    good[topic_of(item)] += 1
            bar.update(task, completed=good.total() + bad.total())
    return {
        "sent": 0,
        "valid": good.total(),
        "by_topic": dict(sorted(good.items())),
        "rejected": bad.total(),
        "by_reason": dict(sorted(bad.items())),
        "done": True,
    }


def _shown(row: Rejected) -> str:
    place = f"row {row.row}" + (f", column {row.column}" if row.column else "")
    return f"{row.file}, {place}: {row.reason} ({row.detail}): {row.text[:80]!r}"


def _tell(result: dict[str, Any], dry_run: bool) -> None:
    count, what = (result["valid"], "valid") if dry_run else (result["sent"], "sent")
    earlier = result.get("earlier", 0)
    if earlier and not count:
        err.print(f"nothing new; {earlier:,} were sent earlier (--fresh sends them again)")
    else:
        before = f" ({earlier:,} were sent earlier)" if earlier else ""
        err.print(f"{count:,} {what}{before}, {result['rejected']:,} rejected")
    for topic, number in result["by_topic"].items():
        err.print(f"  {number:>12,}  {topic}")
    for reason, number in result["by_reason"].items():
        err.print(f"  {number:>12,}  rejected: {reason}")
    if "quarantine" in result:
        err.print(f"rejected rows with their text: {result['quarantine']}", soft_wrap=True)
