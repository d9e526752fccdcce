from __future__ import annotations

import json
import os
import subprocess
import sys
import time

import pytest

from connectors.webhook import Verdict, WebhookSender, new_secret
from streams.cli.subscribe import SECRET_VARIABLE

COMMAND = "import typer; from streams.cli.webhook_receiver import webhook_receiver as run; typer.run(run)"


async def test_what_verifies_is_printed_and_the_rest_refused() -> None:
    secret = new_secret()
    process = subprocess.Popen(
        [sys.executable, "-c", COMMAND, "--port", "0", "--count", "1"],
        env=os.environ | {SECRET_VARIABLE: secret}, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        assert process.stderr is not None
        url = process.stderr.readline().removeprefix("listening on ").strip()
        sender = WebhookSender(lambda: time.time_ns() // 1_000_000, timeout_s=10, allow_private=True)
        forged = await sender.send(url, new_secret(), "msg_1", b'{"type":"alert.opened"}')
        honest = await sender.send(url, secret, "msg_2", '{"type":"alert.opened","data":"红"}'.encode())
        await sender.close()
        out, said = process.communicate(timeout=20)
    finally:
        process.kill()
        process.wait()
    assert (forged.reason, honest.verdict) == ("http-401", Verdict.DELIVERED)
    assert [json.loads(line)["data"] for line in out.splitlines()] == ["红"]
    assert "refused" in said
    assert secret not in said


@pytest.mark.parametrize("secret", ["", "hunter2"])
def test_it_needs_a_secret(secret: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", COMMAND], env=os.environ | {SECRET_VARIABLE: secret}, capture_output=True, text=True,
        check=False,
    )  # fmt: skip
    assert done.returncode == 2
    assert "whsec_" in done.stderr or SECRET_VARIABLE in done.stderr
