"""The door of the HTTP server: who may call, from where, and what browsers may do with the answers.

One ASGI middleware in front of everything, the board's websocket included, because the board's writes travel through
that websocket.
"""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
from dataclasses import dataclass
from http.cookies import CookieError, SimpleCookie
from urllib.parse import parse_qs, quote, urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from dashboards.api.problems import problem

SESSION_COOKIE = "forewarn-session"
LOGIN = "/login"
#: Answered without a token: they tell nothing but whether the server lives and works.
OPEN = frozenset({"/healthz", "/readyz", LOGIN})
_MOST_LOGIN_BYTES = 4096
_SESSION_SECONDS = 30 * 86_400

# NiceGUI needs inline scripts (its import map) and Vue's template compiler. Everything comes from this server, and
# nothing may be sent elsewhere: that is what keeps a board without internet whole, and an injected script harmless.
BOARD_POLICY = (
    "default-src 'none'; script-src 'self' 'unsafe-inline' 'unsafe-eval'; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data: blob:; font-src 'self' data:; connect-src 'self'; form-action 'self'; base-uri 'none'; "
    "frame-ancestors 'none'"
)
DATA_POLICY = "default-src 'none'; frame-ancestors 'none'"
_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",  # with no-referrer the sign-in form would be sent with the origin "null"
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}


def is_loopback(host: str) -> bool:
    """Return whether an address to listen on is reachable from this machine only.

    Examples
    --------
    >>> [is_loopback(host) for host in ("127.0.0.1", "::1", "localhost", "0.0.0.0", "10.0.0.5")]
    [True, True, True, False, False]
    """
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


@dataclass(frozen=True, slots=True)
class Access:
    """Who may call.

    Parameters
    ----------
    hosts
        Names and addresses by which the server may be called; empty: any, because a token protects it. Without a token
        the list is what stops a foreign page whose name was rebound to this machine.
    token
        What callers must show; empty: nothing.
    """

    hosts: frozenset[str]
    token: str

    @classmethod
    def to(cls, host: str, token: str) -> Access:
        """Return the access for an address to listen on: loopback is open to this machine, all else needs the token.

        Examples
        --------
        >>> Access.to("127.0.0.1", "t").token, Access.to("0.0.0.0", "t").token
        ('', 't')
        """
        if is_loopback(host):
            return cls(frozenset({"127.0.0.1", "::1", "localhost", host}), "")
        if not token:
            message = f"listening on {host} needs an API token"
            raise ValueError(message)
        return cls(frozenset(), token)

    def session(self) -> str:
        """Return the value of a signed-in browser's cookie; it does not give the token away."""
        return hmac.new(self.token.encode(), b"forewarn board", hashlib.sha256).hexdigest()

    def admits(self, headers: Headers) -> bool:
        """Return whether the request shows the token, or the cookie made from it. Takes constant time."""
        if not self.token:
            return True
        kind, _, shown = headers.get("authorization", "").partition(" ")
        bearer = kind.lower() == "bearer" and _same(shown.strip(), self.token)
        return _same(_cookie(headers, SESSION_COOKIE), self.session()) or bearer


def _same(shown: str, expected: str) -> bool:
    return hmac.compare_digest(shown.encode(), expected.encode())


def _cookie(headers: Headers, name: str) -> str:
    try:
        found = SimpleCookie(headers.get("cookie", "")).get(name)
    except CookieError:
        return ""
    return found.value if found else ""


def _hostname(netloc: str) -> str:
    try:
        return urlsplit(f"//{netloc}").hostname or ""
    except ValueError:
        return ""


def _is_foreign(headers: Headers) -> bool:
    """Return whether a page of another origin made the browser call: browsers always name it in that case."""
    origin = headers.get("origin")
    if origin is None:
        return headers.get("sec-fetch-site") == "cross-site" and headers.get("sec-fetch-mode") != "navigate"
    try:
        return urlsplit(origin).netloc.lower() != headers.get("host", "").lower()
    except ValueError:
        return True


class Guard:
    """Refuses foreign hosts, foreign origins and callers without the token; adds the security headers.

    Parameters
    ----------
    app
        What it stands in front of.
    access
        Who may call.
    """

    def __init__(self, app: ASGIApp, access: Access) -> None:
        self._app = app
        self._access = access

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, or let it through."""
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        path: str = scope["path"]
        send = _with_headers(send, DATA_POLICY if path.startswith("/api/") else BOARD_POLICY)
        refusal = self._refusal(path, Headers(scope=scope))
        if scope["type"] == "websocket":
            if refusal is None:
                await self._app(scope, receive, send)
            else:
                await send({"type": "websocket.close", "code": 1008, "reason": "refused"})
            return
        if refusal is None and path == LOGIN and self._access.token:
            refusal = await self._login(Request(scope, receive))
        await _bearing_hangups(refusal or self._app, scope, receive, send)

    def _refusal(self, path: str, headers: Headers) -> Response | None:
        if self._access.hosts and _hostname(headers.get("host", "")) not in self._access.hosts:
            return problem(403, "foreign-host", "call this server as 127.0.0.1 or localhost")
        if _is_foreign(headers):
            return problem(403, "foreign-origin", "pages of other sites may not call this server")
        if path in OPEN or self._access.admits(headers):
            return None
        if "text/html" in headers.get("accept", ""):
            return RedirectResponse(f"{LOGIN}?next={quote(path)}", 303)
        return problem(
            401,
            "token-required",
            "send the API token as 'Authorization: Bearer …'; it is in secrets/api-token of the data directory",
            {"WWW-Authenticate": "Bearer"},
        )

    async def _login(self, request: Request) -> Response:
        target = _own_path(request.query_params.get("next", "/"))
        if request.method != "POST":
            return HTMLResponse(_login_page(target, failed=False))
        body = b""
        async for chunk in request.stream():
            body += chunk
            if len(body) > _MOST_LOGIN_BYTES:
                return problem(413, "too-large", "the form is larger than a token")
        shown = parse_qs(body.decode("utf-8", "replace")).get("token", [""])[0].strip()
        if not _same(shown, self._access.token):
            return HTMLResponse(_login_page(target, failed=True), 401)
        answer = RedirectResponse(target, 303)
        secure = request.url.scheme == "https"
        answer.set_cookie(
            SESSION_COOKIE,
            self._access.session(),
            max_age=_SESSION_SECONDS,
            httponly=True,
            samesite="lax",
            secure=secure,
        )
        return answer


async def _bearing_hangups(app: ASGIApp, scope: Scope, receive: Receive, send: Send) -> None:
    """Call an application; that the browser hung up while it answered is no error.

    Starlette's BaseHTTPMiddleware, which NiceGUI uses, raises in that case.
    """
    gone = False

    async def receiving() -> Message:
        nonlocal gone
        message = await receive()
        gone = gone or message["type"] == "http.disconnect"
        return message

    try:
        await app(scope, receiving, send)
    except RuntimeError as error:
        if not (gone and str(error) == "No response returned."):
            raise


def _own_path(target: str) -> str:
    """Return where to go after signing in; never to another site.

    Examples
    --------
    >>> [_own_path(target) for target in ("/enterprise/1", "//evil.example", "https://evil.example")]
    ['/enterprise/1', '/', '/']
    """
    own = target.startswith("/") and not target.startswith("//") and "\\" not in target and target.isprintable()
    return target if own else "/"


def _with_headers(send: Send, policy: str) -> Send:
    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            for name, value in _HEADERS.items():
                headers[name] = value
            headers["Content-Security-Policy"] = policy
        await send(message)

    return sending


def _login_page(target: str, *, failed: bool) -> str:
    wrong = "<p role=alert>令牌不对。The token is wrong.</p>" if failed else ""
    return f"""<!doctype html><html lang="zh-CN"><meta charset="utf-8"><title>forewarn</title>
<meta name="viewport" content="width=device-width"><style>
body{{background:#0f1720;color:#e6edf3;font:18px/1.6 system-ui,"Noto Sans CJK SC",sans-serif;display:grid;
place-items:center;min-height:90vh}}input,button{{font:inherit;padding:.5em .8em;border-radius:6px;
border:1px solid #5b6b7c;background:#17222e;color:inherit;width:100%;box-sizing:border-box;margin-top:.6em}}
form{{width:24em;max-width:92vw}}[role=alert]{{color:#ff9d94}}</style>
<form method="post" action="{LOGIN}?next={quote(target)}"><h1>forewarn 预警台</h1>{wrong}
<label for="token">访问令牌 Access token</label>
<input id="token" name="token" type="password" autocomplete="current-password" required autofocus>
<p><small>secrets/api-token（数据目录 data directory）</small></p><button>进入 Sign in</button></form></html>"""
