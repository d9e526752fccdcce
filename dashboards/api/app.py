"""The FastAPI application that the API and the board share."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.metadata import version

from fastapi import FastAPI
from starlette.responses import Response

from dashboards.api.guard import Access, Guard
from dashboards.api.problems import answer_problems, problem
from dashboards.api.routes import routes
from dashboards.desk import Desk

#: What the OpenAPI document says about the whole.
DESCRIPTION = """Warnings about enterprises: open alerts with their reasons in Chinese and English, what is known of an
enterprise, and acknowledgements. Times are UTC. Missing data is not safe: look at `coverage`."""


def create_api(desk: Desk, access: Access) -> FastAPI:
    """Return the application with the REST API alone.

    Parameters
    ----------
    desk
        What it reads from and writes to.
    access
        Who may call.
    """

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        yield
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

    @app.get("/healthz", include_in_schema=False)
    async def healthz() -> Response:
        """Answer that the process lives; see /api/v1/health for the data."""
        return Response("ok\n", media_type="text/plain")

    @app.api_route("/api/{path:path}", include_in_schema=False, methods=["GET", "POST", "PUT", "PATCH", "DELETE"])
    async def unknown(path: str) -> Response:
        return problem(404, "no-such-path", "see /api/v1/openapi.json for what there is")

    app.add_middleware(Guard, access=access)
    return app
