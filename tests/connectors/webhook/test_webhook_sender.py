from __future__ import annotations

import asyncio
import json
import logging
import ssl
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path

import pytest
from standardwebhooks import Webhook, WebhookVerificationError

from connectors.webhook import (
    Answer,
    InvalidSecretError,
    Outcome,
    Receiver,
    Script,
    Verdict,
    WebhookSender,
    check_secret,
    new_secret,
)
from connectors.webhook.outcome import judge, wait_asked

SECRET = new_secret()
BODY = json.dumps({"type": "alert.opened", "data": {"name": "示例制造有限公司"}}, ensure_ascii=False).encode()


def now_ms() -> int:
    return time.time_ns() // 1_000_000


async def send(
    url: str,
    *,
    timeout_s: float = 5.0,
    allow_private: bool = True,
    resolved: Sequence[str] | None = None,
    verify: ssl.SSLContext | None = None,
) -> Outcome:
    async def resolve(_host: str, _port: int) -> Sequence[str]:
        assert resolved is not None
        return resolved

    sender = WebhookSender(
        now_ms,
        timeout_s=timeout_s,
        allow_private=allow_private,
        resolve=resolve if resolved is not None else None,
        verify=verify,
    )
    try:
        return await sender.send(url, SECRET, "msg_1", BODY)
    finally:
        await sender.close()


async def test_the_official_library_verifies_what_is_sent() -> None:
    with Receiver() as receiver:
        outcome = await send(receiver.url)
        (request,) = receiver.requests
    assert outcome == Outcome(Verdict.DELIVERED, "delivered", 200)
    assert Webhook(SECRET).verify(request.body, dict(request.headers)) == json.loads(BODY)
    assert request.headers["webhook-id"] == "msg_1"
    assert request.headers["content-type"] == "application/json"
    with pytest.raises(WebhookVerificationError):
        Webhook(new_secret()).verify(request.body, dict(request.headers))
    with pytest.raises(WebhookVerificationError):
        Webhook(SECRET).verify(request.body.replace(b"opened", b"eased!"), dict(request.headers))


@pytest.mark.parametrize(
    ("status", "retry_after", "expected"),
    [
        (200, None, Outcome(Verdict.DELIVERED, "delivered", 200)),
        (202, "9", Outcome(Verdict.DELIVERED, "delivered", 202)),
        (204, None, Outcome(Verdict.DELIVERED, "delivered", 204)),
        (301, None, Outcome(Verdict.RETRY, "redirect", 301)),
        (304, None, Outcome(Verdict.RETRY, "redirect", 304)),
        (400, None, Outcome(Verdict.RETRY, "http-400", 400)),
        (401, None, Outcome(Verdict.RETRY, "http-401", 401)),
        (404, None, Outcome(Verdict.RETRY, "http-404", 404)),
        (408, None, Outcome(Verdict.RETRY, "http-408", 408)),
        (410, None, Outcome(Verdict.GONE, "gone", 410)),
        (425, None, Outcome(Verdict.RETRY, "http-425", 425)),
        (429, "30", Outcome(Verdict.RETRY, "http-429", 429, 30_000)),
        (500, None, Outcome(Verdict.RETRY, "http-500", 500)),
        (503, "Thu, 01 Jan 1970 00:02:00 GMT", Outcome(Verdict.RETRY, "http-503", 503, 119_000)),
        (599, "later", Outcome(Verdict.RETRY, "http-599", 599)),
    ],
)
def test_what_a_status_means(status: int, retry_after: str | None, expected: Outcome) -> None:
    assert judge(status, retry_after, 1_000) == expected


@pytest.mark.parametrize("text", ["", "-1", "1.5", "٣", "9" * 40, "Thu, 01 Jan 99999 00:00:00 GMT", "\x00"])
def test_an_unreadable_wish_to_wait_is_no_wish(text: str) -> None:
    assert wait_asked(text, 0) is None


def test_a_wish_to_wait_until_the_past_is_none_at_all() -> None:
    assert wait_asked("Thu, 01 Jan 1970 00:00:00 GMT", 10_000) == 0


async def test_a_redirect_is_not_followed() -> None:
    with Receiver() as target, Receiver(Script(Answer(307, {"location": target.url}))) as receiver:
        assert (await send(receiver.url)).reason == "redirect"
        assert target.requests == []


async def test_a_slow_answer_ends_at_the_time_out() -> None:
    with Receiver(Script(Answer(delay_s=30))) as receiver:
        began = time.monotonic()
        assert await send(receiver.url, timeout_s=0.3) == Outcome(Verdict.RETRY, "timeout")
        assert time.monotonic() - began < 3


async def test_an_answer_that_trickles_ends_at_the_time_out() -> None:
    async def trickle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 1000000\r\n\r\n")
        try:
            while not writer.is_closing():
                writer.write(b"x")
                await writer.drain()
                await asyncio.sleep(0.05)
        except ConnectionError:
            pass
        finally:
            writer.close()

    async with await asyncio.start_server(trickle, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        assert await send(f"http://127.0.0.1:{port}/", timeout_s=0.5) == Outcome(Verdict.RETRY, "timeout")


async def test_an_endless_answer_is_not_read_to_its_end() -> None:
    with Receiver(Script(Answer(200, body=b"x" * 50_000_000))) as receiver:
        assert (await send(receiver.url)).verdict is Verdict.DELIVERED


async def test_the_network_may_fail() -> None:
    with Receiver(Script(Answer(hang_up=True))) as receiver:
        assert await send(receiver.url) == Outcome(Verdict.RETRY, "network")
        url = receiver.url
    assert await send(url) == Outcome(Verdict.RETRY, "connection")
    assert await send("http://nowhere.invalid/") == Outcome(Verdict.RETRY, "unresolved")


async def test_a_name_that_leads_inside_is_refused_and_nothing_is_sent() -> None:
    with Receiver() as receiver:
        url = f"https://hooks.example.com:{receiver.port}/"
        for inside in (["127.0.0.1"], ["::1"], ["169.254.169.254"], ["::ffff:127.0.0.1"], []):
            outcome = await send(url, allow_private=False, resolved=inside)
            assert outcome == Outcome(Verdict.RETRY, "forbidden-address")
        assert receiver.requests == []


async def test_the_address_that_was_checked_is_the_one_that_is_called() -> None:
    asked: list[str] = []

    async def rebinding(host: str, _port: int) -> Sequence[str]:
        asked.append(host)
        return ["127.0.0.1"] if len(asked) == 1 else ["192.0.2.1"]

    with Receiver() as receiver:
        sender = WebhookSender(now_ms, timeout_s=5, allow_private=True, resolve=rebinding)
        outcome = await sender.send(f"http://hooks.example.com:{receiver.port}/a?b=c", SECRET, "msg_1", BODY)
        await sender.close()
        (request,) = receiver.requests
    assert outcome.verdict is Verdict.DELIVERED
    assert asked == ["hooks.example.com"]
    assert request.headers["host"] == f"hooks.example.com:{receiver.port}"
    assert request.path == "/a?b=c"


async def test_the_environments_proxy_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    with Receiver() as receiver, Receiver() as proxy:
        monkeypatch.setenv("HTTP_PROXY", f"http://127.0.0.1:{proxy.port}")
        monkeypatch.setenv("ALL_PROXY", f"http://127.0.0.1:{proxy.port}")
        await send(f"http://hooks.example.com:{receiver.port}/", resolved=["127.0.0.1"])
        assert len(receiver.requests) == 1
        assert proxy.requests == []


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate for hooks.example.com with its key, in one file."""
    directory = tmp_path_factory.mktemp("tls")
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
         "-subj", "/CN=hooks.example.com", "-addext", "subjectAltName=DNS:hooks.example.com",
         "-keyout", directory / "key.pem", "-out", directory / "certificate.pem"],
        check=True, capture_output=True,
    )  # fmt: skip
    return directory


async def test_the_certificate_must_be_the_names(certificate: Path) -> None:
    shown: list[str | None] = []
    server_side = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server_side.load_cert_chain(certificate / "certificate.pem", certificate / "key.pem")
    server_side.sni_callback = lambda _socket, name, _context: shown.append(name)
    trusting = ssl.create_default_context(cafile=str(certificate / "certificate.pem"))
    with Receiver(tls=server_side) as receiver:
        port = receiver.port
        good = await send(f"https://hooks.example.com:{port}/", resolved=["127.0.0.1"], verify=trusting)
        other = await send(f"https://other.example.com:{port}/", resolved=["127.0.0.1"], verify=trusting)
        unknown = await send(f"https://hooks.example.com:{port}/", resolved=["127.0.0.1"])
        assert len(receiver.requests) == 1
    assert good.verdict is Verdict.DELIVERED
    assert other == unknown == Outcome(Verdict.RETRY, "tls")
    assert shown[0] == "hooks.example.com"


@pytest.mark.parametrize(
    "case",
    ["http-500", "redirect", "timeout", "network", "connection", "unresolved", "forbidden-address", "credentials",
     "scheme", "not-a-url", "gone"],
)  # fmt: skip
async def test_no_error_tells_a_secret(
    case: str, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(logging.DEBUG)
    logging.getLogger("httpcore").setLevel(logging.WARNING)  # as in every process: logs.configure
    script = {
        "http-500": Answer(500, body=SECRET.encode()),
        "redirect": Answer(302, {"location": f"http://evil.example/?{SECRET}"}),
        "timeout": Answer(delay_s=30),
        "network": Answer(hang_up=True),
        "gone": Answer(410),
    }
    with Receiver(Script(script.get(case, Answer()))) as receiver:
        hidden = "T0KEN-of-the-url"
        url = {
            "connection": f"http://127.0.0.1:1/{hidden}",
            "unresolved": f"http://nowhere.invalid/{hidden}",
            "credentials": f"http://bob:{hidden}@127.0.0.1/",
            "scheme": f"ftp://127.0.0.1/{hidden}",
            "not-a-url": f"http://127.1/{hidden}",
        }.get(case, f"http://127.0.0.1:{receiver.port}/{hidden}")
        outcome = await send(url, timeout_s=0.5, allow_private=True)
        if case == "forbidden-address":
            outcome = await send(f"https://internal.example/{hidden}", allow_private=False, resolved=["10.0.0.1"])
    assert outcome.reason == case
    told = repr(outcome) + caplog.text + "".join(capfd.readouterr())
    for secret in (SECRET, SECRET.removeprefix("whsec_")):
        assert secret not in told
    assert hidden not in repr(outcome)


@pytest.mark.parametrize("good", [new_secret(), "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"], ids=["new", "known"])
def test_secrets_of_the_standard_are_taken(good: str) -> None:
    assert check_secret(good) == good


@pytest.mark.parametrize(
    "bad",
    ["", "whsec_", "hunter2", new_secret().removeprefix("whsec_"), "whsec_c2hvcnQ=", "whsec_" + "!" * 44],
    ids=["empty", "nothing", "words", "prefix", "short", "signs"],
)
def test_other_secrets_are_refused_without_being_repeated(bad: str) -> None:
    with pytest.raises(InvalidSecretError) as caught:
        check_secret(bad)
    assert len(bad) < 7 or bad not in str(caught.value)


def test_the_receiver_answers_as_told_and_says_when_nothing_comes() -> None:
    with Receiver() as receiver, pytest.raises(TimeoutError, match="0 of 1"):
        receiver.wait_for(1, timeout_s=0.05)
