from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from connectors.models import Alert, Level, Transition
from connectors.webhook import new_secret, signed_headers
from streams.alerting import Backoff, body, event_type
from streams.clock import SystemClock, moment
from streams.settings import Settings

DOCS = Path(__file__).parents[2] / "docs"
PAGE = (DOCS / "investor.md").read_text(encoding="utf-8")


def test_the_receiver_in_the_page_verifies_and_acts_once() -> None:
    (code,) = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    names: dict[str, Any] = {}
    exec(compile(code, "docs/investor.md", "exec"), names)
    secret, now_ms = new_secret(), SystemClock().now_ms()
    inbox = names["Inbox"](secret)
    content = body(alert(), 1)
    headers = signed_headers(secret, "msg_1", now_ms, content)
    assert inbox.receive(headers, content.replace(b"red", b"none")) == 401
    assert inbox.receive(signed_headers(new_secret(), "msg_1", now_ms, content), content) == 401
    assert inbox.receive(signed_headers(secret, "msg_1", now_ms - 400_000, content), content) == 401
    assert inbox.levels == {}
    assert inbox.receive(headers, content) == 204
    inbox.levels.clear()
    assert inbox.receive(signed_headers(secret, "msg_1", now_ms + 5_000, content), content) == 204
    assert inbox.levels == {}


def alert() -> Alert:
    return Alert(
        alert_id="E1:1", enterprise_id="E1", sequence=1, transition=Transition.OPENED, level=Level.RED,
        previous_level=Level.NONE, score=0.9, at=moment(60_000), opened_at=moment(60_000), decided_on="1970-01-01",
        rule="score", reasons=[], config_version="1",
    )  # fmt: skip


@pytest.mark.parametrize("transition", Transition)
def test_every_type_is_explained(transition: Transition) -> None:
    assert f"| `{event_type(transition)}` |" in PAGE


def test_every_field_of_the_example_is_sent() -> None:
    (example,) = re.findall(r"```json\n(.*?)```", PAGE, re.DOTALL)
    shown = set(re.findall(r'^    "(\w+)":', example, re.MULTILINE))
    sent = Alert.model_fields.keys() - {"notify"} | {"delivery_sequence"}
    assert shown == sent


def test_its_links_lead_somewhere() -> None:
    links = re.findall(r"\]\((?!https://)([^)]+)\)", PAGE)
    assert [link for link in links if not (DOCS / link).exists()] == []


def test_the_numbers_in_the_page_are_the_programs() -> None:
    waits = [Backoff(spread=0).wait_ms("", attempt) // 1000 for attempt in range(1, 8)]
    assert waits == [2, 8, 32, 128, 512, 2048, 3600]
    fields = Settings.model_fields
    assert f"After {fields['webhook_attempts'].default} attempts" in PAGE
    assert f"within {fields['webhook_timeout_s'].default:g} seconds" in PAGE
    assert Backoff().spread == 0.2
