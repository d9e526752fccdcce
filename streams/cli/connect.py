"""``forewarn connect``: any installed connector into the stack."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from streams.cli.common import AsJson, DataDir, err, fail, print_json, settings_for

if TYPE_CHECKING:
    from connectors.contract import Batch
    from streams.ingest import Progress as Done


def connect(
    connector: Annotated[
        str | None, typer.Argument(help="Its name; without one, the installed ones are listed.")
    ] = None,
    option: Annotated[
        list[str] | None, typer.Option("--option", "-o", help="An option of the connector, as name=value; repeatable.")
    ] = None,
    envelope: Annotated[int, typer.Option(min=1, max=1000, help="Signals of one partition in one record.")] = 1,
    compact: Annotated[bool, typer.Option(help="Write readings as columns; with --envelope 2 or more.")] = False,
    fresh: Annotated[bool, typer.Option("--fresh", help="Begin again instead of going on.")] = False,
    data_dir: DataDir = None,
    json: AsJson = False,
) -> None:
    """Run an installed connector until it has nothing more to say; it goes on where it was interrupted."""
    from connectors.registry import installed, make_source
    from streams.cli.feeding import feed, progress_bar, summary, told_plainly

    settings = settings_for("connect", data_dir=data_dir)
    if connector is None:
        names = installed()
        print_json({"connectors": list(names)}) if json else err.print("installed:", ", ".join(names))
        return
    with told_plainly(), progress_bar() as bar:
        source = make_source(connector, _options(option or []))
        task = bar.add_task(f"{source.name}", total=None)

        def after_batch(done: Done, _batch: Batch) -> None:
            bar.update(task, completed=done.sent.total())

        identity = f"{connector} {sorted(option or [])}"
        result = summary(
            feed(
                settings,
                source,
                identity,
                fresh=fresh,
                envelope=envelope,
                compact=compact,
                after_batch=after_batch,
            )
        )
    if json:
        print_json(result)
    else:
        err.print(f"{result['sent']:,} sent, {result['rejected']:,} rejected")


def _options(given: list[str]) -> dict[str, Any]:
    options: dict[str, Any] = {}
    for text in given:
        name, equals, value = text.partition("=")
        if not equals:
            fail(f"--option {text}: write it as name=value", 2)
        options[name.replace("-", "_")] = value
    return options
