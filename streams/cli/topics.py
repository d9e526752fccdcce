"""``forewarn topics``: the stack's topics, declared and real."""

from __future__ import annotations

from typing import Annotated

import typer

from streams.cli.common import AsJson, DataDir, fail, print_json, settings_for


def topics(
    create: Annotated[bool, typer.Option("--create", help="Create those that are missing.")] = False,
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """List the topics; with --create make those that are missing. Exit code 1: some are missing or differ."""
    from kafka.errors import KafkaError  # type: ignore[import-untyped]  # ships no types
    from rich.console import Console
    from rich.table import Table

    from connectors.kafka.admin import KafkaAwayError, TopicMismatchError, connected
    from streams.runtime import endpoints
    from streams.stack import topics_of

    settings = settings_for("topics", data_dir=data_dir)
    declared = topics_of(settings)
    try:
        with connected(endpoints(settings).kafka) as admin:
            if create:
                admin.ensure_topics(declared, settings.partitions)
            there = admin.partitions()
    except (KafkaAwayError, KafkaError, TopicMismatchError) as error:
        fail(str(error))
    wanted = {topic.name: settings.partitions if topic.grouped else 1 for topic in declared}
    if as_json:
        found = {name: {"partitions": there.get(name), "declared": count} for name, count in wanted.items()}
        print_json({"topics": found})
    else:
        table = Table("topic", "partitions", "settings", show_edge=False)
        for topic in declared:
            count = there.get(topic.name)
            shown = "missing" if count is None else str(count) if count == wanted[topic.name] else f"{count}, wrong"
            table.add_row(topic.name, shown, " ".join(f"{name}={value}" for name, value in topic.config.items()))
        Console(highlight=False).print(table)
    if any(there.get(name) != count for name, count in wanted.items()):
        raise typer.Exit(1)
