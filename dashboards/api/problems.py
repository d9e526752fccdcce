"""Clear errors: ``application/problem+json`` (RFC 9457) with a code to act on and a sentence that says what to do."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, Response

from dashboards.store import BadCursorError, UnreachableError


class Problem(BaseModel):
    """Why a request failed, and what to do."""

    type: str = "about:blank"
    title: str = Field(examples=["Not Found"])
    status: int = Field(examples=[404])
    code: str = Field(description="Stable name of the problem.", examples=["no-such-alert"])
    detail: str = Field(examples=["no alert has this id; list them with GET /api/v1/alerts"])


class ProblemError(Exception):
    """Ends a request with a problem.

    Parameters
    ----------
    status, code, detail
        As in :class:`Problem`.
    """

    def __init__(self, status: int, code: str, detail: str) -> None:
        super().__init__(detail)
        self.status, self.code, self.detail = status, code, detail


def problem(status: int, code: str, detail: str, headers: Mapping[str, str] | None = None) -> JSONResponse:
    """Return the response that states a problem."""
    body = Problem(title=HTTPStatus(status).phrase, status=status, code=code, detail=detail)
    return JSONResponse(body.model_dump(), status, headers, media_type="application/problem+json")


def answer_problems(app: FastAPI) -> None:
    """Make every error of an application a problem."""

    @app.exception_handler(ProblemError)
    async def _problem(_request: Request, error: ProblemError) -> Response:
        return problem(error.status, error.code, error.detail)

    @app.exception_handler(RequestValidationError)
    async def _invalid(_request: Request, error: RequestValidationError) -> Response:
        wrong = "; ".join(f"{'.'.join(str(part) for part in item['loc'])}: {item['msg']}" for item in error.errors())
        return problem(422, "invalid-request", wrong)

    @app.exception_handler(BadCursorError)
    async def _cursor(_request: Request, error: BadCursorError) -> Response:
        return problem(422, "invalid-cursor", str(error))

    @app.exception_handler(UnreachableError)
    async def _away(_request: Request, _error: UnreachableError) -> Response:
        detail = "the data store does not answer; try again, and look at `forewarn status`"
        return problem(503, "store-unreachable", detail, {"Retry-After": "5"})

    @app.exception_handler(HTTPException)
    async def _http(_request: Request, error: HTTPException) -> Response:
        return problem(error.status_code, "http-error", str(error.detail), error.headers)
