"""The connector in the documents works, is short, and passes the checks."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import httpx
import pytest

from connectors.contract import Source, SourceError
from connectors.testing import check_source

DOCUMENT = Path(__file__).parents[2] / "docs" / "data-engineer.md"
ROWS = [
    {"code": f"E{n % 3}", "kwh": str(n), "day": f"2025-09-{1 + n // 3:02}T00:00:00+08:00", "meter": f"m{n % 3}",
     "known": f"2025-09-{2 + n // 3:02}T02:00:00+08:00"}
    for n in range(30)
]  # fmt: skip
ROWS[4]["kwh"] = "unread"


def documented_class() -> Any:
    code = re.findall(r"```python\n(.*?)```", DOCUMENT.read_text(encoding="utf-8"), re.DOTALL)[0]
    assert len(code.splitlines()) < 60
    names: dict[str, Any] = {}
    exec(compile(code, str(DOCUMENT), "exec"), names)
    return names["MeterApi"]


def answer(request: httpx.Request) -> httpx.Response:
    if request.headers["Authorization"] != "Bearer right":
        return httpx.Response(401)
    after = int(request.url.params["after"] or 0)
    return httpx.Response(200, json={"rows": ROWS[after : after + 7], "cursor": str(after + 7)})


def make(token: str = "right") -> Source:
    source = documented_class()("https://meters.example", token)
    source._http = httpx.Client(transport=httpx.MockTransport(answer), base_url="https://meters.example",
                                headers=source._http.headers)  # fmt: skip
    typed: Source = source
    return typed


def test_it_passes_the_checks() -> None:
    check_source(make, ordered=True)


def test_it_says_when_the_other_side_fails() -> None:
    with pytest.raises(SourceError, match="does not answer"):
        next(make("wrong").read())
