"""``forewarn webhook-receiver``: a receiver to try webhooks with."""

from __future__ import annotations

from typing import Annotated

import typer

from streams.cli.common import err, fail
from streams.cli.subscribe import SECRET_VARIABLE, Secret, refuse_secret_argument


def webhook_receiver(
    context: typer.Context,
    port: Annotated[int, typer.Option("--port", min=0, max=65535, help="Loopback port; 0 takes a free one.")] = 9000,
    secret: Secret = None,
    count: Annotated[int | None, typer.Option("--count", min=1, help="End after so many verified messages.")] = None,
) -> None:
    """Receive webhooks on this machine: verify each and print it as one JSON line. For trying things out.

    The secret is read from the environment variable FOREWARN_WEBHOOK_SECRET. A message that does not verify is answered
    with 401.
    """
    import signal
    import sys
    import threading

    from standardwebhooks import Webhook, WebhookVerificationError

    from connectors.webhook import Answer, InvalidSecretError, Receiver, Request, check_secret

    refuse_secret_argument(context)
    if not secret:
        fail(f"put the subscription's secret into {SECRET_VARIABLE}", 2)
    try:
        webhook = Webhook(check_secret(secret))
    except InvalidSecretError as error:
        fail(str(error), 2)
    done = threading.Event()
    seen: list[str] = []

    def answer(request: Request) -> Answer:
        try:
            webhook.verify(request.body, dict(request.headers))
        except (WebhookVerificationError, ValueError) as error:
            err.print(f"refused: {error}", markup=False)
            return Answer(401)
        sys.stdout.write(request.body.decode() + "\n")
        sys.stdout.flush()
        seen.append(request.headers["webhook-id"])
        if count is not None and len(seen) >= count:
            done.set()
        return Answer(204)

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: done.set())
    try:
        receiver = Receiver(answer, port=port)
    except OSError as error:
        fail(f"cannot listen on 127.0.0.1:{port}: {error.strerror}. Choose another --port")
    with receiver:
        err.print(f"listening on {receiver.url}", markup=False)
        done.wait()
