"""Who is let in, and what browsers may do with the answers."""

from __future__ import annotations

import httpx
import pytest
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.types import Message, Receive, Scope, Send

from dashboards.api.guard import Access, Guard

TOKEN = "a-token-of-this-test"


async def _app(scope: Scope, receive: Receive, send: Send) -> None:
    if scope["type"] == "websocket":
        await send({"type": "websocket.accept"})
        return
    await Request(scope, receive).body()
    await PlainTextResponse("inside")(scope, receive, send)


def client(host: str = "127.0.0.1", base: str = "http://127.0.0.1:8080") -> httpx.AsyncClient:
    guard = Guard(_app, Access.to(host, TOKEN))
    return httpx.AsyncClient(transport=httpx.ASGITransport(guard), base_url=base)


async def test_loopback_is_open_to_this_machine() -> None:
    async with client() as http:
        answer = await http.get("/api/v1/alerts")
    assert answer.text == "inside"
    assert answer.headers["x-frame-options"] == "DENY"
    assert "frame-ancestors 'none'" in answer.headers["content-security-policy"]


@pytest.mark.parametrize("host", ["evil.example:8080", "127.0.0.1.evil.example", "", "[", "localhost.evil"])
async def test_a_name_rebound_to_this_machine_is_refused(host: str) -> None:
    async with client() as http:
        answer = await http.get("/", headers={"Host": host})
    assert (answer.status_code, answer.json()["code"]) == (403, "foreign-host")


@pytest.mark.parametrize(
    "origin", ["https://evil.example", "null", "http://127.0.0.1:9999", "http://localhost:8080", "http://["]
)
@pytest.mark.parametrize("method", ["POST", "GET"])
async def test_pages_of_other_origins_are_refused(origin: str, method: str) -> None:
    async with client() as http:
        answer = await http.request(method, "/api/v1/alerts/1/acknowledge", headers={"Origin": origin}, json={})
    assert (answer.status_code, answer.json()["code"]) == (403, "foreign-origin")


async def test_our_own_pages_and_links_from_elsewhere_are_let_in() -> None:
    own = {"Origin": "http://127.0.0.1:8080", "Sec-Fetch-Site": "same-origin"}
    link = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"}
    embedded = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors"}
    async with client() as http:
        assert (await http.post("/x", headers=own)).text == "inside"
        assert (await http.get("/enterprise/1", headers=link)).text == "inside"
        assert (await http.get("/api/v1/alerts", headers=embedded)).status_code == 403


@pytest.mark.parametrize(
    ("headers", "accepted"),
    [
        ([(b"host", b"127.0.0.1:1"), (b"origin", b"http://127.0.0.1:1")], True),
        ([(b"host", b"127.0.0.1:1"), (b"origin", b"https://evil.example")], False),
        ([(b"host", b"evil.example"), (b"origin", b"http://evil.example")], False),
    ],
)
async def test_the_websocket_through_which_the_board_writes_is_guarded(
    headers: list[tuple[bytes, bytes]], accepted: bool
) -> None:
    sent: list[Message] = []

    async def send(message: Message) -> None:
        sent.append(message)

    async def receive() -> Message:
        return {"type": "websocket.connect"}

    scope = {"type": "websocket", "path": "/_nicegui_ws/socket.io/", "headers": headers}
    await Guard(_app, Access.to("127.0.0.1", ""))(scope, receive, send)
    assert [message["type"] for message in sent] == ["websocket.accept" if accepted else "websocket.close"]


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 401),
        ({"Authorization": "Bearer wrong"}, 401),
        ({"Authorization": f"Basic {TOKEN}"}, 401),
        ({"Authorization": f"Bearer {TOKEN}é"}, 401),
        ({"Authorization": f"Bearer {TOKEN}"}, 200),
        ({"Cookie": f"forewarn-session={TOKEN}"}, 401),
    ],
)
async def test_other_machines_need_the_token(headers: dict[str, str], status: int) -> None:
    async with client("0.0.0.0", "http://board.bank.example") as http:
        answer = await http.get("/api/v1/alerts", headers=[(k.encode(), v.encode()) for k, v in headers.items()])
    assert answer.status_code == status
    assert TOKEN not in answer.text


async def test_people_sign_in_once() -> None:
    async with client("0.0.0.0", "http://board.bank.example") as http:
        refused = await http.get("/enterprise/9", headers={"Accept": "text/html"})
        assert refused.status_code == 303
        form = refused.headers["location"]
        assert form == "/login?next=/enterprise/9"
        assert "Access token" in (await http.get(form)).text
        wrong = await http.post(form, data={"token": "wrong"})
        assert wrong.status_code == 401 and "wrong" in wrong.text
        right = await http.post(form, data={"token": f" {TOKEN} "})
        assert (right.status_code, right.headers["location"]) == (303, "/enterprise/9")
        assert "HttpOnly" in right.headers["set-cookie"] and TOKEN not in right.headers["set-cookie"]
        assert (await http.get("/enterprise/9")).text == "inside"


async def test_signing_in_leads_nowhere_else() -> None:
    async with client("0.0.0.0", "http://board.bank.example") as http:
        answer = await http.post("/login?next=//evil.example/x", data={"token": TOKEN})
        assert answer.headers["location"] == "/"
        assert '"' not in (await http.get("/login?next=/%22%3E%3Cscript%3E")).text.split("next=")[1].split(">")[0][:-1]
        assert (await http.post("/login", data={"token": "x" * 5000})).status_code == 413


async def test_health_needs_no_token() -> None:
    async with client("0.0.0.0", "http://board.bank.example") as http:
        assert (await http.get("/healthz")).status_code == 200


def test_no_token_no_listening() -> None:
    with pytest.raises(ValueError, match="needs an API token"):
        Access.to("10.0.0.1", "")
