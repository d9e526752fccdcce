"""``forewarn grafana``: put the dashboards and alert rules into a Grafana."""

from __future__ import annotations

from typing import Annotated

import typer

from streams.cli.common import AsJson, DataDir, err, fail, print_json, settings_for

grafana_app = typer.Typer(name="grafana", help="Grafana's dashboards and alert rules.", no_args_is_help=True)


@grafana_app.callback()
def _commands() -> None:
    """Grafana's dashboards and alert rules."""


@grafana_app.command("provision")
def provision(
    url: Annotated[str, typer.Option("--url", help="Grafana's address, http(s)://host:port.")],
    clickhouse_url: Annotated[
        str | None, typer.Option("--clickhouse-url", help="ClickHouse as Grafana reaches it; default: as we do.")
    ] = None,
    clickhouse_user: Annotated[
        str, typer.Option("--clickhouse-user", help="A user that may only SELECT; see docker/clickhouse.")
    ] = "grafana",
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Create or update data source, folder, dashboards and alert rules; a second run changes nothing.

    FOREWARN_GRAFANA_TOKEN holds the token of a service account with the role Admin, and
    FOREWARN_GRAFANA_CLICKHOUSE_PASSWORD the password of the ClickHouse user.
    """
    from dashboards.grafana import client, shipped
    from dashboards.grafana.provision import ClickHouse, RefusedError, Step, TryAgainError
    from dashboards.grafana.provision import provision as steps_of
    from streams.runtime import endpoints

    settings = settings_for("grafana", data_dir=data_dir)
    token = settings.grafana_token.get_secret_value()
    if not token:
        fail("set FOREWARN_GRAFANA_TOKEN to the token of a Grafana service account with the role Admin", 2)
    here = endpoints(settings)
    password = settings.grafana_clickhouse_password.get_secret_value()
    source = ClickHouse(clickhouse_url or here.clickhouse_url, here.clickhouse_database, clickhouse_user, password)
    done: list[Step] = []
    try:
        grafana = client.connect(url, token)
        for step in steps_of(grafana, source):
            err.print(f"{step.kind} {step.name}: {step.outcome}", markup=False)
            done.append(step)
        problem = grafana.data_source_problem(shipped.DATA_SOURCE_UID)
    except (client.MissingClientError, RefusedError, TryAgainError) as error:
        fail(str(error))
    if problem:
        err.print(f"warning: Grafana cannot query ClickHouse yet: {problem}", markup=False)
    if as_json:
        steps = [{"kind": step.kind, "name": step.name, "outcome": str(step.outcome)} for step in done]
        print_json({"steps": steps, "data_source_problem": problem})
