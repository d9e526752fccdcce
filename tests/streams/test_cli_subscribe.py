from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
import typer
from standardwebhooks import Webhook
from typer.testing import CliRunner, Result

from connectors.control import Attempt, ControlStore, Work
from connectors.models import Level
from connectors.webhook import Answer, Receiver, Script, new_secret
from streams.cli.subscribe import SECRET_VARIABLE, subscribe

URL = "https://hooks.example.com/T0/token"


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    for name in [name for name in os.environ if name.startswith("FOREWARN_")]:
        monkeypatch.delenv(name)
    return tmp_path


def run(*arguments: str, **environment: str) -> Result:
    app = typer.Typer()
    app.command()(subscribe)
    return CliRunner().invoke(app, list(arguments), env=environment)


def answer(*arguments: str, **environment: str) -> dict[str, Any]:
    result = run(*arguments, "--json", **environment)
    assert result.exit_code == 0, result.output
    said: dict[str, Any] = json.loads(result.stdout)
    return said


def stored(place: Path) -> ControlStore:
    return ControlStore(f"sqlite:///{place}/.forewarn/control.db")


def test_a_subscription_is_added_listed_and_removed(place: Path) -> None:
    (place / "portfolio.txt").write_text("\ufeffE2\n\n E3 \r\n", encoding="utf-8")
    added = answer(URL, "--minimum-level", "orange", "--enterprise", "E1", "--enterprises-file", "portfolio.txt")
    assert (added["minimum_level"], added["enterprises"], added["active"]) == ("orange", 3, True)
    store = stored(place)
    (one,) = store.subscriptions()
    store.close()
    assert (one.url, one.minimum_level, one.enterprises) == (URL, Level.ORANGE, frozenset({"E1", "E2", "E3"}))
    assert one.secret.get_secret_value() == added["secret"]
    listed = answer("--list")
    assert listed["subscriptions"][0]["id"] == added["id"]
    assert added["secret"] not in json.dumps(listed) + run("--list").output
    assert "token" not in json.dumps(listed) + json.dumps(added)
    assert answer("--remove", added["id"]) == {"id": added["id"], "ended": True}
    assert answer("--remove", added["id"])["ended"] is False
    assert "removed" in run("--list").output


def test_a_given_secret_comes_from_the_environment_and_is_not_printed(place: Path) -> None:
    secret = new_secret()
    result = run(URL, **{SECRET_VARIABLE: secret})
    assert result.exit_code == 0
    assert secret not in result.output
    refused = run(URL, "--secret", secret)
    assert refused.exit_code == 2
    assert SECRET_VARIABLE in refused.output
    assert secret not in refused.output


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ([], "give one of"),
        ([URL, "--list"], "give one of"),
        (["http://hooks.example.com/"], "https://"),
        (["https://127.0.0.1/"], "public addresses"),
        (["https://bob:hunter2@hooks.example.com/"], "no user or password"),
        ([URL, "--enterprise", "two words"], "not an enterprise id"),
        ([URL, "--enterprises-file", "absent.txt"], "cannot read absent.txt"),
        ([URL, "--enterprises-file", "/dev/null"], "names no enterprise"),
        ([URL, "--minimum-level", "purple"], "purple"),
        (["--remove", "sub_none"], "--list"),
        (["--test", "sub_none"], "--list"),
    ],
)
def test_mistakes_are_told_with_what_to_do(place: Path, arguments: list[str], says: str) -> None:
    result = run(*arguments)
    assert result.exit_code in (1, 2)
    assert says in " ".join(result.output.split())
    assert "hunter2" not in result.output
    assert "Traceback" not in result.output


def test_a_bad_secret_is_refused_without_being_repeated(place: Path) -> None:
    result = run(URL, **{SECRET_VARIABLE: "hunter2"})
    assert result.exit_code == 2
    assert "whsec_" in result.output
    assert "hunter2" not in result.output


def test_a_control_store_that_cannot_be_used_is_told(place: Path) -> None:
    away = run("--list", FOREWARN_CONTROL_URL="postgresql://bob:hunter2@127.0.0.1:1/x")
    wrong = run("--list", FOREWARN_CONTROL_URL="mysql://bob:hunter2@db/x")
    for result in (away, wrong):
        assert result.exit_code in (1, 2)
        assert "FOREWARN_CONTROL_URL" in result.output
        assert "hunter2" not in result.output


def test_a_test_message_is_signed_and_its_fate_told(place: Path) -> None:
    with Receiver(Script(Answer(204), Answer(500))) as receiver:
        added = answer(receiver.url, FOREWARN_WEBHOOK_ALLOW_PRIVATE="true")
        sent = answer("--test", added["id"], FOREWARN_WEBHOOK_ALLOW_PRIVATE="true")
        failed = run("--test", added["id"], "--json", FOREWARN_WEBHOOK_ALLOW_PRIVATE="true")
        first = receiver.requests[0]
    assert sent["delivered"] is True
    message = Webhook(added["secret"]).verify(first.body, dict(first.headers))
    assert (message["type"], message["data"]) == ("webhook.test", {"subscription_id": added["id"]})
    assert failed.exit_code == 1
    assert json.loads(failed.stdout)["reason"] == "http-500"


def test_a_notifier_that_may_not_deliver_shows_in_the_list(place: Path) -> None:
    added = answer("http://127.0.0.1:9000/hooks", FOREWARN_WEBHOOK_ALLOW_PRIVATE="true")
    store = stored(place)
    store.enqueue([Work("msg_1", added["id"], "E1", "E1:1", 1, lambda _number: b"{}")], now_ms=0)
    store.record_attempt("msg_1", Attempt("retrying", "scheme", 1_000, 1, None, 9_000))
    store.close()
    (row,) = answer("--list")["subscriptions"]
    assert (row["newest_failure"]["reason"], row["newest_failure"]["status_code"]) == ("scheme", None)
    assert row["next_attempt_at"] == "1970-01-01T00:00:09+00:00"
    shown = run("--list", COLUMNS="80").output
    assert added["id"] in shown
    for said in ("1 waiting", "scheme:", "https://", "1970-01-01T00:00:09"):
        assert said in shown


def test_an_address_that_the_notifier_may_refuse_is_warned_of(place: Path) -> None:
    refused = run("http://127.0.0.1:9000/hooks")
    allowed = run("http://127.0.0.1:9000/hooks", FOREWARN_WEBHOOK_ALLOW_PRIVATE="true")
    assert (refused.exit_code, allowed.exit_code) == (2, 0)
    for result in (refused, allowed):
        assert "FOREWARN_WEBHOOK_ALLOW_PRIVATE" in result.output
        assert "`forewarn up` or `make demo`" in result.output
    assert "warning" not in run(URL).output
