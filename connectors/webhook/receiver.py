"""A webhook receiver that records what it gets and misbehaves on command: for tests, drills and first steps."""

from __future__ import annotations

import ssl
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import MappingProxyType, TracebackType

_MOST_BODY_BYTES = 4_000_000


@dataclass(frozen=True, slots=True)
class Request:
    """One request as it came: path, headers with lower-case names, body."""

    path: str
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class Answer:
    """How to answer one request.

    Parameters
    ----------
    status
        The status code.
    delay_s
        How long to wait before answering; closing the receiver cuts it short. Seconds.
    hang_up
        Close the connection without an answer.
    """

    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    delay_s: float = 0.0
    hang_up: bool = False


class Script:
    """Gives the answers in turn, and 200 to all that follow."""

    def __init__(self, *answers: Answer) -> None:
        self._answers = list(answers)
        self._lock = threading.Lock()

    def __call__(self, _request: Request) -> Answer:
        """Return the next answer."""
        with self._lock:
            return self._answers.pop(0) if self._answers else Answer()


class Receiver:
    """An HTTP server on a loopback port, with one thread per request.

    Parameters
    ----------
    answer
        Decides each answer; called from several threads at once.
    port
        0 takes a free one.
    tls
        A server-side context, for https.

    Examples
    --------
    >>> with Receiver(Script(Answer(503))) as receiver:
    ...     receiver.url.startswith("http://127.0.0.1:"), receiver.requests
    (True, [])
    """

    def __init__(
        self,
        answer: Callable[[Request], Answer] | None = None,
        *,
        port: int = 0,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self._answer = answer or Script()
        self._arrived = threading.Condition()
        self._requests: list[Request] = []
        self._closing = threading.Event()
        self._server = _Server(("127.0.0.1", port), self._handler())
        if tls is not None:
            self._server.socket = tls.wrap_socket(self._server.socket, server_side=True)
        self._scheme = "http" if tls is None else "https"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), name="webhook-receiver")

    @property
    def port(self) -> int:
        """The port that it listens on."""
        return int(self._server.server_address[1])

    @property
    def url(self) -> str:
        """Where to send webhooks."""
        return f"{self._scheme}://127.0.0.1:{self.port}/hooks"

    @property
    def requests(self) -> list[Request]:
        """What has come so far, in the order of arrival."""
        with self._arrived:
            return list(self._requests)

    def wait_for(self, how_many: int, timeout_s: float = 20.0) -> list[Request]:
        """Return all requests as soon as there are so many.

        Raises
        ------
        TimeoutError
            If they do not come in time.
        """
        with self._arrived:
            if not self._arrived.wait_for(lambda: len(self._requests) >= how_many, timeout_s):
                message = f"{len(self._requests)} of {how_many} webhooks came within {timeout_s:g} s"
                raise TimeoutError(message)
            return list(self._requests)

    def start(self) -> None:
        """Begin to listen."""
        self._thread.start()

    def close(self) -> None:
        """Stop listening, cut delayed answers short and wait for the threads."""
        self._closing.set()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def __enter__(self) -> Receiver:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _take(self, request: Request) -> Answer | None:
        """Return how to answer; None if the connection is to be closed."""
        answer = self._answer(request)
        with self._arrived:
            self._requests.append(request)
            self._arrived.notify_all()
        self._closing.wait(answer.delay_s)
        return None if answer.hang_up or self._closing.is_set() else answer

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            timeout = 30

            def do_GET(self) -> None:
                self._take_in("0")

            def do_POST(self) -> None:
                self._take_in(self.headers.get("content-length", ""))

            def _take_in(self, length: str) -> None:
                if not length.isdigit() or int(length) > _MOST_BODY_BYTES:
                    self.send_error(413)
                    return
                body = self.rfile.read(int(length))
                headers = {name.lower(): value for name, value in self.headers.items()}
                answer = receiver._take(Request(self.path, MappingProxyType(headers), body))
                self.close_connection = True
                if answer is not None:
                    self._reply(answer)

            def _reply(self, answer: Answer) -> None:
                self.send_response(answer.status)
                for name, value in answer.headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(answer.body)))
                self.end_headers()
                self.wfile.write(answer.body)

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002 the name is the base class's
                """Say nothing: who asks for requests finds them in ``requests``."""

        return Handler


class _Server(ThreadingHTTPServer):
    daemon_threads = False
    block_on_close = True

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing of connections that the other side gave up: time-outs are what tests provoke."""
