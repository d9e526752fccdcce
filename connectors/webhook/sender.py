"""One attempt to deliver one webhook."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

import httpx

from connectors.webhook.guard import RefusedUrlError, Target, check_url, permitted
from connectors.webhook.outcome import Outcome, Verdict, judge
from connectors.webhook.signature import signed_headers

#: Resolves a host and port to addresses, in order of preference; raises OSError.
Resolver = Callable[[str, int], Awaitable[Sequence[str]]]

#: What is read of an answer's body before the connection is closed. Nothing of it is kept.
_MOST_ANSWER_BYTES = 16_384


class WebhookSender:
    """Sends signed messages to subscribers' URLs.

    Guarantee: it connects only to addresses that ``guard`` permits, follows no redirect, and ends within the time-out
    whatever the receiver does. It never raises for anything that the receiver, the network or the URL do: the outcome
    tells. No outcome holds a secret or the URL.

    Parameters
    ----------
    now_ms
        Tells the time, in milliseconds since the epoch.
    timeout_s
        The longest time for one attempt, from resolving the name to the answer. Seconds.
    allow_private
        Whether plain http, loopback and private addresses are allowed.
    resolve
        Resolves names; the system's resolver by default.
    verify
        What certificates are checked against; the usual authorities by default.
    """

    def __init__(
        self,
        now_ms: Callable[[], int],
        *,
        timeout_s: float,
        allow_private: bool,
        resolve: Resolver | None = None,
        verify: ssl.SSLContext | None = None,
    ) -> None:
        self._now_ms = now_ms
        self._timeout_s = timeout_s
        self._allow_private = allow_private
        # Threads of its own: a name server that hangs must not take those that the rest of the process works with.
        self._threads = ThreadPoolExecutor(max_workers=16, thread_name_prefix="resolve")
        self._resolve = resolve or self._system_resolve
        # Connections are not kept. They are pooled by address, and two names behind one address must not share a TLS
        # connection whose certificate was checked for the first name. Proxies of the environment would undo the guard.
        self._client = httpx.AsyncClient(
            verify=verify if verify is not None else httpx.create_ssl_context(trust_env=False),
            timeout=timeout_s,
            follow_redirects=False,
            trust_env=False,
            limits=httpx.Limits(max_connections=None, max_keepalive_connections=0),
        )

    async def close(self) -> None:
        """Close what is open; call it once nothing is being sent."""
        await self._client.aclose()
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def send(self, url: str, secret: str, webhook_id: str, body: bytes) -> Outcome:
        """Try once to deliver a message and return how it went."""
        return await self._try(
            url,
            lambda: (
                "POST",
                {"content-type": "application/json", **signed_headers(secret, webhook_id, self._now_ms(), body)},
                body,
            ),
        )

    async def ping(self, url: str) -> Outcome:
        """Call a URL without a message or a signature, under the same guarantee, and return how it went."""
        return await self._try(url, lambda: ("GET", {}, b""))

    async def _try(self, url: str, message: Callable[[], tuple[str, dict[str, str], bytes]]) -> Outcome:
        try:
            target = check_url(url, allow_private=self._allow_private)
        except RefusedUrlError as error:
            return Outcome(Verdict.RETRY, error.reason)
        try:
            async with asyncio.timeout(self._timeout_s):
                address = permitted(await self._resolve(target.host, target.port), allow_private=self._allow_private)
                if address is None:
                    return Outcome(Verdict.RETRY, "forbidden-address")
                return await self._call(target, address, *message())
        except (TimeoutError, httpx.TimeoutException):
            return Outcome(Verdict.RETRY, "timeout")
        except httpx.TransportError as error:
            return Outcome(Verdict.RETRY, _network_reason(error))
        except OSError:
            return Outcome(Verdict.RETRY, "unresolved")

    async def _call(self, target: Target, address: str, method: str, more: dict[str, str], body: bytes) -> Outcome:
        literal = f"[{address}]" if ":" in address else address
        name = f"[{target.host}]" if ":" in target.host else target.host
        headers = {
            "host": name if target.default_port else f"{name}:{target.port}",
            "user-agent": "forewarn-webhooks/1",
            **more,
        }
        request = self._client.build_request(
            method,
            f"{target.scheme}://{literal}:{target.port}{target.path}",
            content=body,
            headers=headers,
            extensions={"sni_hostname": target.host},
        )
        answer = await self._client.send(request, stream=True)
        try:
            outcome = judge(answer.status_code, answer.headers.get("retry-after"), self._now_ms())
            await _read_little(answer)
            return outcome
        finally:
            await answer.aclose()

    async def _system_resolve(self, host: str, port: int) -> list[str]:
        found = await asyncio.get_running_loop().run_in_executor(
            self._threads, lambda: socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        )
        return [str(entry[4][0]) for entry in found]


async def _read_little(answer: httpx.Response) -> None:
    # Some receivers take a connection closed before the end of their answer for a failure, and do their work twice.
    size = 0
    async for chunk in answer.aiter_raw():
        size += len(chunk)
        if size > _MOST_ANSWER_BYTES:
            return


def _network_reason(error: httpx.TransportError) -> str:
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ssl.SSLError):
            return "tls"
        cause = cause.__cause__ or cause.__context__
    return "connection" if isinstance(error, httpx.ConnectError) else "network"
