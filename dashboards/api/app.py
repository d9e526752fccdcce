"""The FastAPI application that the API and the board share."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.metadata import version

from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import Response

from dashboards.api.counted import Counted
from dashboards.api.guard import Access, Guard
from dashboards.api.problems import answer_problems, problem
from dashboards.api.routes import routes
from dashboards.desk import Desk
from streams.probes import HEALTH, METRICS, READINESS, Vitals

#: How often the servers behind are asked whether they are there. Seconds.
_LOOK_S = 5.0
#: What the OpenAPI document says about the whole.
DESCRIPTION = """Warnings about enterprises: open alerts with their reasons in Chinese and English, what is known of an
enterprise, and acknowledgements. Times are UTC. Missing data is not safe: look at `coverage`."""


def create_api(desk: Desk, access: Access, vitals: Vitals) -> FastAPI:
    """Return the application with the REST API alone.

    Parameters
    ----------
    desk
        What it reads from and writes to.
    access
        Who may call.
    vitals
        What this process tells of itself; it learns here when it is ready.
    """

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        looking = asyncio.create_task(_look(desk, vitals))
        yield
        looking.cancel()
        desk.close()

    # The interactive pages of FastAPI load their scripts from a content network: here nothing leaves the machine.
    app = FastAPI(
        title="forewarn",
        version=version("forewarn"),
        description=DESCRIPTION,
        docs_url=None,
        redoc_url=None,
        openapi_url="/api/v1/openapi.json",
        lifespan=lifespan,
    )
    answer_problems(app)
    app.include_router(routes(desk))

    @app.get(HEALTH, include_in_schema=False)
    @app.get(READINESS, include_in_schema=False)
    @app.get(METRICS, include_in_schema=False)
    async def probe(request: Request) -> Response:
        """Answer whether the process lives and works; see /api/v1/health for the data."""
        found = vitals.answer(request.url.path)
        return Response(found.body, found.status, {"Content-Type": found.content_type})

    @app.api_route("/api/{path:path}", include_in_schema=False, methods=["GET", "POST", "PUT", "PATCH", "DELETE"])
    async def unknown(path: str) -> Response:
        return problem(404, "no-such-path", "see /api/v1/openapi.json for what there is")

    app.add_middleware(Guard, access=access)
    app.add_middleware(Counted, metrics=vitals.metrics, clock=desk.clock)
    return app


async def _look(desk: Desk, vitals: Vitals) -> None:
    """Find out now and then whether the servers behind the desk answer."""
    reason = "starts"
    vitals.beacon.not_ready = lambda: reason
    while True:
        reason = await desk.not_ready()
        await asyncio.sleep(_LOOK_S)
