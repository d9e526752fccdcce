"""The REST API over a real ClickHouse and control store."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from dashboards.api import Access, create_api
from dashboards.api.describe import openapi
from dashboards.desk import Desk
from streams.health import Beacon
from streams.metrics import Metrics
from streams.probes import Vitals
from tests.dashboards.scene import FIRMS, HOSTILE, HOSTILE_ID, alert_id

pytestmark = pytest.mark.stack
RED = FIRMS[0]
OPEN = [firm for firm in FIRMS if firm.level.value != "none"]


@pytest.fixture
async def api(desk: Desk, tmp_path: Path) -> AsyncIterator[httpx.AsyncClient]:
    app = create_api(desk, Access.to("127.0.0.1", ""), Vitals(Metrics("serve"), Beacon(tmp_path, "serve")))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://127.0.0.1:8080") as client:
        yield client


async def test_open_alerts_come_with_names_reasons_and_levels(api: httpx.AsyncClient) -> None:
    answer = await api.get("/api/v1/alerts", params={"limit": 100})
    assert answer.status_code == 200
    found = {item["alert_id"]: item for item in answer.json()["items"]}
    assert found.keys() == {alert_id(firm) for firm in OPEN}
    first = found[alert_id(RED)]
    assert (first["enterprise_name"], first["level"], first["transition"]) == (RED.name, "red", "escalated")
    assert "破产" in first["reasons"][0]["zh"] and "bankruptcy" in first["reasons"][0]["en"]
    assert first["counterfactual"]["zh"]
    assert first["acknowledged"] is None


async def test_pages_hold_every_alert_once(api: httpx.AsyncClient) -> None:
    seen: list[str] = []
    cursor = None
    while True:
        answer = await api.get("/api/v1/alerts", params={"limit": 5} | ({"cursor": cursor} if cursor else {}))
        page = answer.json()
        seen += [item["alert_id"] for item in page["items"]]
        cursor = page["next_cursor"]
        if cursor is None:
            break
    assert len(seen) == len(OPEN) and set(seen) == {alert_id(firm) for firm in OPEN}


async def test_alerts_by_level_and_enterprise(api: httpx.AsyncClient) -> None:
    reds = (await api.get("/api/v1/alerts", params={"level": "red"})).json()["items"]
    assert {item["level"] for item in reds} == {"red"} and len(reds) == 2
    own = (await api.get("/api/v1/alerts", params={"enterprise": HOSTILE_ID, "state": "all"})).json()["items"]
    assert [item["enterprise_name"] for item in own] == [HOSTILE]


async def test_an_alert_has_its_transitions(api: httpx.AsyncClient) -> None:
    found = (await api.get(f"/api/v1/alerts/{alert_id(RED)}")).json()
    assert [one["transition"] for one in found["transitions"]] == ["escalated", "opened"]
    assert found["open"] is True


async def test_enterprises_are_found_by_part_of_name_or_code(api: httpx.AsyncClient) -> None:
    by_name = (await api.get("/api/v1/enterprises", params={"q": "纺织"})).json()["items"]
    assert [item["name"] for item in by_name] == ["闽江纺织印染有限公司"]
    assert by_name[0]["level"] == "red"
    by_code = (await api.get("/api/v1/enterprises", params={"q": "y43"})).json()["items"]
    assert [item["enterprise_id"] for item in by_code] == [RED.enterprise_id]
    assert (await api.get("/api/v1/enterprises", params={"q": "' OR 1=1 --"})).json()["items"] == []


async def test_enterprises_page_by_page(api: httpx.AsyncClient) -> None:
    first = (await api.get("/api/v1/enterprises", params={"limit": 10})).json()
    rest = (await api.get("/api/v1/enterprises", params={"limit": 10, "cursor": first["next_cursor"]})).json()
    ids = [item["enterprise_id"] for item in first["items"] + rest["items"]]
    assert ids == sorted(firm.enterprise_id for firm in FIRMS)
    assert rest["next_cursor"] is None


async def test_one_enterprise_shows_what_is_missing(api: httpx.AsyncClient) -> None:
    found = (await api.get(f"/api/v1/enterprises/{RED.enterprise_id}")).json()
    coverage = {family["family"]: family["coverage"] for family in found["risk"]["families"]}
    assert coverage["sentiment"] == "never" and coverage["social_security"] == "stale"
    assert found["registry"]["industry"] == "C34"
    assert found["alert"]["level"] == "red" and len(found["history"]) == 2
    assert found["findings"][0]["state"] == "raised"


async def test_an_odd_code_reaches_its_enterprise(api: httpx.AsyncClient) -> None:
    answer = await api.get(f"/api/v1/enterprises/{HOSTILE_ID.replace('?', '%3F').replace('#', '%23')}")
    assert answer.json()["name"] == HOSTILE


async def test_acknowledging_twice_is_acknowledging_once(api: httpx.AsyncClient) -> None:
    path = f"/api/v1/alerts/{alert_id(RED)}/acknowledge"
    first = await api.post(path, json={"actor": "王芳", "note": "已电话联系"})
    again = await api.post(path, json={"actor": " 王芳 ", "note": "已电话联系"})
    assert first.status_code == again.status_code == 200
    assert first.json() == again.json()
    await api.post(path, json={"actor": "李强", "note": ""})
    found = (await api.get(f"/api/v1/alerts/{alert_id(RED)}")).json()
    assert [one["actor"] for one in found["acknowledgements"]] == ["王芳", "李强"]
    assert found["open"] is True


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "code"),
    [
        ("GET", "/api/v1/alerts/nothing", None, 404, "no-such-alert"),
        ("POST", "/api/v1/alerts/nothing/acknowledge", {"actor": "a"}, 404, "no-such-alert"),
        ("GET", "/api/v1/enterprises/NOBODY", None, 404, "no-such-enterprise"),
        ("GET", "/api/v1/nothing", None, 404, "no-such-path"),
        ("GET", "/api/v1/alerts?cursor=zzz", None, 422, "invalid-cursor"),
        ("GET", "/api/v1/enterprises?cursor=WyJcdWQ4MDAiXQ", None, 422, "invalid-cursor"),  # half a surrogate pair
        ("GET", "/api/v1/alerts?level=purple", None, 422, "invalid-request"),
        ("GET", "/api/v1/alerts?limit=0", None, 422, "invalid-request"),
        ("POST", f"/api/v1/alerts/{alert_id(RED)}/acknowledge", {"actor": " "}, 422, "invalid-request"),
        ("POST", f"/api/v1/alerts/{alert_id(RED)}/acknowledge", {"actor": "a\nb"}, 422, "invalid-request"),
    ],
)
async def test_errors_are_problems_that_say_what_to_do(
    api: httpx.AsyncClient, method: str, path: str, body: object, status: int, code: str
) -> None:
    answer = await api.request(method, path, json=body)
    assert answer.headers["content-type"] == "application/problem+json"
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert answer.json()["detail"]


async def test_health_tells_the_age_of_the_data(api: httpx.AsyncClient) -> None:
    found = (await api.get("/api/v1/health")).json()
    assert found["store"] is True and found["data_age_seconds"] >= 0
    assert {source["source"] for source in found["sources"]} == {"grid", "tax-office", "courts"}
    assert (await api.get("/healthz")).text == "ok\n"


def test_the_committed_openapi_is_the_real_one() -> None:
    committed = json.loads((Path(__file__).parents[2] / "docs" / "openapi.json").read_text(encoding="utf-8"))
    assert committed == openapi(), "run: python -m dashboards.api.describe > docs/openapi.json"
