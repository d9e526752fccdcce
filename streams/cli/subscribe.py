"""``forewarn subscribe``: who gets which warnings as webhooks."""

from __future__ import annotations

import getpass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from connectors.models import Level
from streams.cli.common import AsJson, DataDir, err, fail, print_json, settings_for

if TYPE_CHECKING:
    from rich.text import Text

    from connectors.control import ControlStore, Outlook, Subscription
    from streams.settings import Settings

SECRET_VARIABLE = "FOREWARN_WEBHOOK_SECRET"
_NOTIFIER_TOO = (
    "nothing is delivered to such an address unless the notifier's process, that is `forewarn up` or `make demo`, "
    "is started with FOREWARN_WEBHOOK_ALLOW_PRIVATE=true too"
)

Secret = Annotated[
    str | None,
    typer.Option(
        "--secret",
        envvar=SECRET_VARIABLE,
        show_envvar=True,
        help="The subscription's whsec_…, from the environment only: arguments are visible to others.",
    ),
]


def refuse_secret_argument(context: typer.Context) -> None:
    """End the command if its secret came as an argument."""
    source = context.get_parameter_source("secret")
    if source is not None and source.name == "COMMANDLINE":
        fail(f"arguments are visible to everyone on this machine: put the secret into {SECRET_VARIABLE}", 2)


def subscribe(
    context: typer.Context,
    url: Annotated[str | None, typer.Argument(help="Where the webhooks go: https://…", show_default=False)] = None,
    minimum_level: Annotated[
        Level, typer.Option("--minimum-level", help="The lowest level that is worth a message.")
    ] = Level.BLUE,
    enterprise: Annotated[
        list[str] | None, typer.Option("--enterprise", help="An enterprise of the portfolio; repeat it. Default: all.")
    ] = None,
    enterprises_file: Annotated[
        Path | None, typer.Option("--enterprises-file", help="The portfolio: one enterprise id per line, UTF-8.")
    ] = None,
    secret: Secret = None,
    list_all: Annotated[bool, typer.Option("--list", help="List the subscriptions.")] = False,
    remove: Annotated[str | None, typer.Option("--remove", metavar="ID", help="End a subscription.")] = None,
    test: Annotated[str | None, typer.Option("--test", metavar="ID", help="Send a signed test message now.")] = None,
    as_json: AsJson = False,
    data_dir: DataDir = None,
) -> None:
    """Subscribe a URL to warnings; or list, end or test subscriptions.

    Without a secret in the environment a fresh one is made and printed once.
    Messages are signed as Standard Webhooks asks; docs/investor.md tells how to verify them.
    """
    from connectors.control import UnknownObjectError
    from streams.cli.control_store import open_control_store

    refuse_secret_argument(context)
    if sum((url is not None, list_all, remove is not None, test is not None)) != 1:
        fail("give one of: a URL, --list, --remove ID, --test ID", 2)
    settings = settings_for("subscribe", data_dir=data_dir)
    store = open_control_store(settings)
    try:
        if url is not None:
            _add(store, settings, url, minimum_level, _portfolio(enterprise, enterprises_file), secret, as_json)
        elif list_all:
            _list(store, as_json)
        elif remove is not None:
            _remove(store, remove, as_json)
        elif test is not None:
            _test(store, settings, test, as_json)
    except UnknownObjectError as error:
        fail(str(error))
    finally:
        store.close()


def _portfolio(given: list[str] | None, file: Path | None) -> frozenset[str] | None:
    from pydantic import TypeAdapter, ValidationError

    from connectors.models import EnterpriseId

    if not given and file is None:
        return None
    lines: list[str] = []
    if file is not None:
        try:
            lines = file.read_text(encoding="utf-8-sig").splitlines()
        except (OSError, UnicodeDecodeError) as error:
            fail(f"cannot read {file}: {error}")
    wanted = [line.strip() for line in [*(given or []), *lines] if line.strip()]
    ids = TypeAdapter[str](EnterpriseId)
    for one in wanted:
        try:
            ids.validate_python(one)
        except ValidationError:
            fail(f"not an enterprise id: {one!r} (1 to 64 printable characters without blanks)", 2)
    if not wanted:
        fail(f"{file} names no enterprise: leave it out to subscribe to all", 2)
    return frozenset(wanted)


def _actor() -> str:
    try:
        return f"cli:{getpass.getuser()}"
    except (KeyError, OSError):  # a container may run as a user without a name
        return "cli"


def _add(
    store: ControlStore,
    settings: Settings,
    url: str,
    minimum_level: Level,
    portfolio: frozenset[str] | None,
    secret: str | None,
    as_json: bool,
) -> None:
    from connectors.webhook import InvalidSecretError, RefusedUrlError, check_secret, check_url, new_secret
    from streams.clock import SystemClock

    try:
        check_url(url, allow_private=settings.webhook_allow_private)
        signing = check_secret(secret) if secret else new_secret()
    except RefusedUrlError as error:
        fail(f"{error}; {_NOTIFIER_TOO}" if _needs_private(url) else str(error), 2)
    except InvalidSecretError as error:
        fail(str(error), 2)
    added = store.add_subscription(
        url,
        signing,
        actor=_actor(),
        now_ms=SystemClock().now_ms(),
        minimum_level=minimum_level,
        enterprises=portfolio,
    )
    if _needs_private(url):
        err.print(f"warning: {_NOTIFIER_TOO}", markup=False, soft_wrap=True)
    fresh = {} if secret else {"secret": signing}
    if as_json:
        print_json(_shown(added) | fresh)
        return
    typer.echo(f"subscription {added.subscription_id}: {added.shown_url}, from {added.minimum_level} up")
    if fresh:
        typer.echo(f"secret (shown this once; the receiver verifies with it): {signing}")


def _needs_private(url: str) -> bool:
    """Return whether an address is delivered to only where private ones are allowed."""
    from connectors.webhook import RefusedUrlError, check_url

    try:
        check_url(url, allow_private=True)
    except RefusedUrlError:
        return False
    try:
        check_url(url)
    except RefusedUrlError:
        return True
    return False


def _shown(subscription: Subscription) -> dict[str, Any]:
    from streams.clock import moment

    portfolio = subscription.enterprises
    return {
        "id": subscription.subscription_id,
        "url": subscription.shown_url,
        "minimum_level": subscription.minimum_level.value,
        "enterprises": None if portfolio is None else len(portfolio),
        "active": subscription.active,
        "ended_reason": subscription.ended_reason,
        "created_at": moment(subscription.created_at).isoformat(),
        "created_by": subscription.created_by,
    }


def _going(outlook: Outlook) -> dict[str, Any]:
    """Return the newest failure and the next attempt of a subscription, as plain values."""
    from streams.clock import moment

    failure = None
    if (failed := outlook.failure) is not None:
        failure = {
            "reason": failed.reason,
            "status_code": failed.status_code,
            "says": _explained(failed.reason),
            "at": moment(failed.at).isoformat(timespec="seconds"),
        }
    due = outlook.next_due
    return {
        "newest_failure": failure,
        "next_attempt_at": None if due is None else moment(due).isoformat(timespec="seconds"),
    }


def _explained(reason: str) -> str:
    """Return a reason with what to do about it, where the notifier's own guard refused to send."""
    from connectors.webhook import Refusal, RefusedUrlError

    try:
        refusal = Refusal(reason)
    except ValueError:
        return reason
    return f"{reason}: {RefusedUrlError(refusal)}"


def _list(store: ControlStore, as_json: bool) -> None:
    from rich.console import Console
    from rich.table import Table

    from connectors.control import Outlook

    counts, outlooks = store.delivery_counts(), store.outlooks()
    rows = [
        _shown(one)
        | {"deliveries": {state.value: n for state, n in counts.get(one.subscription_id, {}).items()}}
        | _going(outlooks.get(one.subscription_id, Outlook()))
        for one in store.subscriptions(ended=True)
    ]
    if as_json:
        print_json({"subscriptions": rows})
        return
    table = Table(show_lines=True)
    table.add_column("subscription", overflow="fold", min_width=max((len(row["id"]) for row in rows), default=0))
    table.add_column("deliveries", overflow="fold")
    for row in rows:
        table.add_row(_who(row), _how(row))
    Console(highlight=False).print(table)


def _who(row: dict[str, Any]) -> Text:
    from rich.text import Text

    portfolio = "all enterprises" if row["enterprises"] is None else f"{row['enterprises']} enterprise(s)"
    state = "active" if row["active"] else f"ended: {row['ended_reason']}"
    return Text("\n".join((row["id"], row["url"], f"{row['minimum_level']} and up, {portfolio}", state)))


def _how(row: dict[str, Any]) -> Text:
    from rich.text import Text

    lines = [", ".join(f"{row['deliveries'].get(name, 0)} {name}" for name in ("waiting", "delivered", "failed"))]
    if (failure := row["newest_failure"]) is not None:
        lines.append(f"newest failure {failure['at']}: {failure['says']}")
    if row["next_attempt_at"] is not None:
        lines.append(f"next attempt {row['next_attempt_at']}")
    return Text("\n".join(lines))


def _remove(store: ControlStore, subscription_id: str, as_json: bool) -> None:
    from streams.clock import SystemClock

    ended = store.deactivate_subscription(subscription_id, actor=_actor(), now_ms=SystemClock().now_ms())
    if as_json:
        print_json({"id": subscription_id, "ended": ended})
    else:
        typer.echo(f"subscription {subscription_id} {'is ended' if ended else 'had ended before'}")


def _test(store: ControlStore, settings: Settings, subscription_id: str, as_json: bool) -> None:
    import asyncio

    from connectors.webhook import Outcome, Verdict, WebhookSender
    from streams.alerting import probe
    from streams.clock import SystemClock

    subscription, clock = store.subscription(subscription_id), SystemClock()
    webhook_id, body = probe(subscription_id, clock.now_ms())

    async def send() -> Outcome:
        sender = WebhookSender(
            clock.now_ms, timeout_s=settings.webhook_timeout_s, allow_private=settings.webhook_allow_private
        )
        try:
            return await sender.send(subscription.url, subscription.secret.get_secret_value(), webhook_id, body)
        finally:
            await sender.close()

    outcome = asyncio.run(send())
    delivered = outcome.verdict is Verdict.DELIVERED
    if as_json:
        print_json({"id": subscription_id, "delivered": delivered, "reason": outcome.reason, "webhook_id": webhook_id})
    else:
        err.print(f"{subscription.shown_url}: {outcome.reason}", markup=False)
    if not delivered:
        raise typer.Exit(1)
