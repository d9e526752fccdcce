"""``forewarn replay``: score files without a broker, or check a stack against its own journal."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from streams.cli.common import AsJson, DataDir, err, fail, print_json, settings_for
from streams.cli.ingest import FileEncoding, FileFormat
from streams.clock import SystemClock

if TYPE_CHECKING:
    from connectors.contract import Source
    from streams.replay import Replayed
    from streams.settings import Settings


def replay(
    files: Annotated[
        list[Path] | None, typer.Argument(help="Files as 'ingest' reads them; 'simulate --out' writes one.")
    ] = None,
    journal: Annotated[bool, typer.Option("--journal", help="Replay the stack's own journal and compare.")] = False,
    out: Annotated[Path | None, typer.Option(help="Write the alert transitions to this NDJSON file.")] = None,
    file_format: Annotated[FileFormat, typer.Option("--format", help="auto: by the first line.")] = FileFormat.AUTO,
    encoding: Annotated[FileEncoding, typer.Option(help="auto: by the bytes.")] = FileEncoding.AUTO,
    data_dir: DataDir = None,
    json: AsJson = False,
) -> None:
    """Run the engine over FILES without a broker, or with --journal over what the running stack has applied.

    Replaying files gives the alerts that streaming them into a fresh simulated stack gives, byte for byte. Replaying
    the journal shows whether the live stack's state and alerts are exactly what its inputs lead to; exit code 1 if not.

    Examples:

      forewarn simulate --enterprises 200 --out city.ndjson.gz && forewarn replay city.ndjson.gz

      forewarn replay --journal --json
    """
    if journal == bool(files):
        fail("name either files or --journal; see 'forewarn replay --help'", 2)
    settings = settings_for("replay", data_dir=data_dir)
    if journal:
        _journal(settings, as_json=json)
    else:
        from connectors.files import FileSource
        from streams.cli.feeding import told_plainly

        with told_plainly():
            source = FileSource(
                files or [],
                format=file_format.value,
                encoding=encoding.value,
                zone=settings.zone,
            )
        _files(settings, source, out, as_json=json)


def _files(settings: Settings, source: Source, out: Path | None, *, as_json: bool) -> None:
    from streams.cli.feeding import progress_bar, told_plainly
    from streams.replay import replay as replay_sources
    from streams.rules import rules_for

    clock = SystemClock()
    began = clock.monotonic()
    with told_plainly(), progress_bar() as bar:
        task = bar.add_task("replaying", total=None)
        result = replay_sources(
            [source],
            rules_for(settings),
            settings.zone,
            lambda done, total: bar.update(task, completed=done, total=total),
        )
        if out is not None:
            out.write_bytes(b"".join(value + b"\n" for _, value in result.alerts))
    told = _summary(result) | {"seconds": round(clock.monotonic() - began, 3)}
    if as_json:
        print_json(told)
        return
    from streams.watching import STYLES, line

    if out is None:
        for alert in result.transitions():
            err.print(line(alert), style=STYLES.get(alert.level, "green"), markup=False, soft_wrap=True)
    err.print(
        f"[green]done:[/] {result.messages:,} messages, {len(result.alerts)} transitions, "
        f"{result.dead_letters} dead letters, {result.rejected} rejected rows, {told['seconds']:.1f} s"
    )


def _summary(result: Replayed) -> dict[str, Any]:
    kinds = Counter((alert.transition.value, alert.level.value) for alert in result.transitions())
    return {
        "messages": result.messages,
        "rejected": result.rejected,
        "dead_letters": result.dead_letters,
        "transitions": len(result.alerts),
        "by_kind": {f"{kind} {level}": count for (kind, level), count in sorted(kinds.items())},
        "outputs": dict(sorted(result.outputs.items())),
    }


def _journal(settings: Settings, *, as_json: bool) -> None:
    from aiokafka.errors import KafkaError  # type: ignore[import-untyped]  # ships no types

    from streams.journal import NotQuietError, replay_journal
    from streams.runtime import endpoints

    try:
        found = replay_journal(endpoints(settings), settings)
    except NotQuietError as error:
        fail(str(error))
    except KafkaError as error:
        fail(f"Kafka at {endpoints(settings).kafka}: {error!r}; start the stack with 'forewarn up'")
    if as_json:
        print_json(found.as_json())
    else:
        for difference in found.differences:
            err.print(difference, markup=False, soft_wrap=True)
        verdict = "[green]equal[/]" if found.equal else "[red]not equal[/]"
        rows = sum(found.rows.values())
        err.print(f"{verdict}: {found.checkpoints:,} checkpoints, {found.records:,} records, {rows:,} rows compared")
    if not found.equal:
        raise typer.Exit(1)
