"""The REST API, version 1: enterprises, alerts, acknowledgements, health."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Path, Query, Response
from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from connectors.models import Level
from dashboards.api.problems import Problem, ProblemError
from dashboards.desk import Desk
from dashboards.figures import (
    Acknowledgement,
    AlertDetail,
    AlertPage,
    EnterpriseDetail,
    EnterprisePage,
    Health,
)
from dashboards.queries import AlertFilter

Limit = Annotated[int, Query(ge=1, le=500, description="Most items on the page.")]
Cursor = Annotated[str | None, Query(max_length=400, description="`next_cursor` of the page before.")]
#: One line of text that people typed: no control characters.
Typed = StringConstraints(strip_whitespace=True, pattern=r"^[^\x00-\x1f\x7f]*$")

_ERRORS: dict[int | str, dict[str, Any]] = {
    401: {"model": Problem, "description": "The token is missing or wrong (only where one is required)."},
    422: {"model": Problem, "description": "The request is not valid; the detail names what is wrong."},
    503: {"model": Problem, "description": "The data store does not answer; try again."},
}
_MISSING: dict[int | str, dict[str, Any]] = {404: {"model": Problem, "description": "There is no such object."}}


class AcknowledgeRequest(BaseModel):
    """Who has seen the alert, and what they want to say about it."""

    model_config = ConfigDict(extra="forbid")

    actor: Annotated[str, Typed, Field(min_length=1, max_length=64, examples=["王芳"])]
    note: Annotated[str, Typed, Field(max_length=500, examples=["已电话联系企业，周五前实地走访"])] = ""


def routes(desk: Desk) -> APIRouter:
    """Return the API over a desk."""
    router = APIRouter(prefix="/api/v1", responses=_ERRORS)

    @router.get("/enterprises", tags=["enterprises"])
    async def list_enterprises(
        q: Annotated[str, Query(max_length=100, description="Part of a name or code.", examples=["机械"])] = "",
        limit: Limit = 50,
        cursor: Cursor = None,
    ) -> EnterprisePage:
        """List enterprises by code, or find them by part of a name or code."""
        return await desk.find_enterprises(q.strip(), limit, cursor)

    @router.get("/enterprises/{enterprise_id:path}", tags=["enterprises"], responses=_MISSING)
    async def get_enterprise(
        enterprise_id: Annotated[str, Path(pattern=r"^[!-~]{1,64}$", examples=["91350100M000100Y43"])],
    ) -> EnterpriseDetail:
        """Return an enterprise: registry entry, risk by family with its coverage, alert history and findings."""
        found = await desk.find_enterprise(enterprise_id)
        if found is None:
            raise ProblemError(404, "no-such-enterprise", "nothing was ever heard of this enterprise")
        return found

    @router.get("/alerts", tags=["alerts"])
    async def list_alerts(
        state: Annotated[Literal["open", "all"], Query(description="Open alerts only, or closed ones too.")] = "open",
        level: Annotated[Level | None, Query(description="Only this level.")] = None,
        enterprise: Annotated[str, Query(pattern=r"^[!-~]{0,64}$", description="Only this enterprise.")] = "",
        limit: Limit = 50,
        cursor: Cursor = None,
    ) -> AlertPage:
        """List alerts, the ones that changed last first."""
        return await desk.find_alerts(AlertFilter(state == "open", level, enterprise), limit, cursor)

    @router.post("/alerts/{alert_id:path}/acknowledge", tags=["alerts"], responses=_MISSING)
    async def acknowledge_alert(
        alert_id: Annotated[str, Path(min_length=1, max_length=256)], request: AcknowledgeRequest
    ) -> Acknowledgement:
        """Say that somebody has seen an alert and follows it up; it stays open.

        Sending the same actor and note again changes nothing and answers the same.
        """
        return await desk.acknowledge(await _alert(desk, alert_id), request.actor, request.note)

    @router.get("/alerts/{alert_id:path}", tags=["alerts"], responses=_MISSING)
    async def get_alert(alert_id: Annotated[str, Path(min_length=1, max_length=256)]) -> AlertDetail:
        """Return an alert with its transitions and acknowledgements."""
        return await _alert(desk, alert_id)

    @router.get("/health", tags=["health"], responses={503: {"model": Health}})
    async def health(response: Response) -> Health:
        """Return how the store and the sources do; 503 while the store does not answer."""
        found = await desk.health()
        response.status_code = 200 if found.store else 503
        return found

    return router


async def _alert(desk: Desk, alert_id: str) -> AlertDetail:
    found = await desk.find_alert(alert_id)
    if found is None:
        raise ProblemError(404, "no-such-alert", "no alert has this id; list them with GET /api/v1/alerts")
    return found
