"""A small Grafana to test provisioning against: it checks what it is sent, and fails on command.

It knows the calls that provisioning makes and answers as Grafana 12 does; it draws nothing.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.base import BaseHTTPMiddleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

Json = dict[str, Any]
_NO_DATA = {"NoData", "OK", "Alerting", "KeepLast"}
_EXEC_ERR = {"OK", "Alerting", "Error", "KeepLast"}


class _WrongError(Exception):
    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


@dataclass(slots=True)
class FakeGrafana:
    """The state of a fake Grafana.

    Parameters
    ----------
    token
        The one that it accepts.
    release
        The version that it claims.
    failures
        Statuses that the next calls are answered with, before anything is looked at; 0 lets a call through.
    lost
        How many of the next successful writes are carried out but answered with 504, as by an impatient proxy.
    """

    token: str = field(repr=False)
    release: str = "12.2.0"
    failures: list[int] = field(default_factory=list)
    lost: int = 0
    requests: list[tuple[str, str]] = field(default_factory=list)
    data_sources: dict[str, Json] = field(default_factory=dict)
    passwords: dict[str, str] = field(default_factory=dict, repr=False)
    folders: dict[str, Json] = field(default_factory=dict)
    dashboards: dict[str, Json] = field(default_factory=dict)
    groups: dict[tuple[str, str], Json] = field(default_factory=dict)

    def app(self) -> Starlette:
        """Return the server; run it on a loopback port."""
        group = "/api/v1/provisioning/folder/{folder}/rule-groups/{group}"
        return Starlette(
            routes=[
                Route("/api/frontend/settings", self._settings),
                Route("/api/datasources", self._create_data_source, methods=["POST"]),
                Route("/api/datasources/uid/{uid}", self._get_data_source),
                Route("/api/datasources/uid/{uid}", self._update_data_source, methods=["PUT"]),
                Route("/api/datasources/uid/{uid}/health", self._health),
                Route("/api/folders", self._create_folder, methods=["POST"]),
                Route("/api/folders/{uid}", self._get_folder),
                Route("/api/dashboards/uid/{uid}", self._get_dashboard),
                Route("/api/dashboards/db", self._save_dashboard, methods=["POST"]),
                Route(group, self._get_group),
                Route(group, self._save_group, methods=["PUT"]),
            ],
            middleware=[Middleware(BaseHTTPMiddleware, dispatch=self._guard)],
            exception_handlers={_WrongError: _told},
        )

    def writes(self) -> list[tuple[str, str]]:
        """Return the calls that were not look-ups."""
        return [call for call in self.requests if call[0] != "GET"]

    async def _guard(self, request: Request, go_on: Callable[[Request], Awaitable[Response]]) -> Response:
        self.requests.append((request.method, request.url.path))
        status = self.failures.pop(0) if self.failures else 0
        if status:
            return JSONResponse({"message": "failing on command"}, status)
        if request.headers.get("authorization") != f"Bearer {self.token}":
            return JSONResponse({"message": "Invalid API key"}, 401)
        answer = await go_on(request)
        if self.lost and request.method != "GET" and answer.status_code < 300:
            self.lost -= 1
            return JSONResponse({"message": "gateway time-out"}, 504)
        return answer

    async def _settings(self, _request: Request) -> Response:
        return JSONResponse({"buildInfo": {"version": self.release, "commit": "fake", "edition": "Open Source"}})

    async def _get_data_source(self, request: Request) -> Response:
        return _found(self.data_sources, request.path_params["uid"], "Data source not found")

    async def _create_data_source(self, request: Request) -> Response:
        body = await _body(request, "uid", "name", "type", "access")
        if body["uid"] in self.data_sources:
            raise _WrongError(409, "data source with the same uid already exists")
        return self._store_data_source(body)

    async def _update_data_source(self, request: Request) -> Response:
        if request.path_params["uid"] not in self.data_sources:
            raise _WrongError(404, "Data source not found")
        return self._store_data_source(await _body(request, "uid", "name", "type", "access"))

    def _store_data_source(self, body: Json) -> Response:
        secret = body.pop("secureJsonData", {})
        if "password" in body.get("jsonData", {}):
            raise _WrongError(400, "a password must be in secureJsonData")
        if secret:
            self.passwords[body["uid"]] = secret["password"]
        known = {"secureJsonFields": {"password": True}} if body["uid"] in self.passwords else {}
        self.data_sources[body["uid"]] = body | known | {"id": 1, "orgId": 1, "version": 1}
        return JSONResponse({"message": "Datasource added", "datasource": self.data_sources[body["uid"]]})

    async def _health(self, request: Request) -> Response:
        if not self.passwords.get(request.path_params["uid"]):
            return JSONResponse({"status": "ERROR", "message": "code: 516, Authentication failed"}, 400)
        return JSONResponse({"status": "OK", "message": "Data source is working"})

    async def _get_folder(self, request: Request) -> Response:
        return _found(self.folders, request.path_params["uid"], "folder not found")

    async def _create_folder(self, request: Request) -> Response:
        body = await _body(request, "uid", "title")
        if body["uid"] in self.folders:
            raise _WrongError(412, "the folder has been changed by someone else")
        self.folders[body["uid"]] = body
        return JSONResponse(body)

    async def _get_dashboard(self, request: Request) -> Response:
        return _found(self.dashboards, request.path_params["uid"], "Dashboard not found")

    async def _save_dashboard(self, request: Request) -> Response:
        body = await _body(request, "dashboard", "folderUid")
        dashboard = body["dashboard"]
        if not dashboard.get("title"):
            raise _WrongError(400, "Dashboard title cannot be empty")
        self._need_folder(body["folderUid"])
        before = self.dashboards.get(dashboard["uid"])
        version = before["dashboard"]["version"] if before else 0
        if before and not body.get("overwrite") and dashboard.get("version") != version:
            raise _WrongError(412, "The dashboard has been changed by someone else")
        kept = dashboard | {"id": 1, "version": version + 1}
        self.dashboards[dashboard["uid"]] = {"dashboard": kept, "meta": {"folderUid": body["folderUid"]}}
        return JSONResponse({"status": "success", "uid": dashboard["uid"], "version": version + 1})

    async def _get_group(self, request: Request) -> Response:
        return _found(self.groups, (request.path_params["folder"], request.path_params["group"]), "group not found")

    async def _save_group(self, request: Request) -> Response:
        body = await _body(request, "title", "folderUid", "interval", "rules")
        self._need_folder(request.path_params["folder"])
        if not isinstance(body["interval"], int) or body["interval"] % 10:
            raise _WrongError(400, "the interval must be a multiple of 10 s")
        for rule in body["rules"]:
            self._check_rule(rule)
        kept = body | {"rules": [rule | {"id": number} for number, rule in enumerate(body["rules"], 1)]}
        self.groups[request.path_params["folder"], request.path_params["group"]] = kept
        return JSONResponse(kept)

    def _check_rule(self, rule: Json) -> None:
        _need(rule, "uid", "title", "condition", "data", "noDataState", "execErrState", "for", "folderUID", "ruleGroup")
        references = [query["refId"] for query in rule["data"]]
        if rule["condition"] not in references or len(set(references)) != len(references):
            raise _WrongError(400, "the condition must be one of the queries, each with its own refId")
        if rule["noDataState"] not in _NO_DATA or rule["execErrState"] not in _EXEC_ERR:
            raise _WrongError(400, "unknown noDataState or execErrState")
        for query in rule["data"]:
            if query["datasourceUid"] != "__expr__" and query["datasourceUid"] not in self.data_sources:
                raise _WrongError(400, "the rule asks a data source that does not exist")

    def _need_folder(self, uid: str) -> None:
        if uid not in self.folders:
            raise _WrongError(400, "folder not found")


def _found(objects: dict[Any, Json], key: object, message: str) -> Response:
    if key not in objects:
        raise _WrongError(404, message)
    return JSONResponse(objects[key])


async def _body(request: Request, *needed: str) -> Json:
    if not request.headers.get("content-type", "").startswith("application/json"):
        raise _WrongError(415, "the body must be JSON")
    try:
        body: Json = json.loads(await request.body())
    except ValueError as error:
        raise _WrongError(400, "bad request data") from error
    _need(body, *needed)
    return body


def _need(body: Json, *needed: str) -> None:
    for name in needed:
        if name not in body:
            raise _WrongError(400, f"{name} is missing")


async def _told(_request: Request, error: Exception) -> Response:
    return JSONResponse({"message": str(error)}, getattr(error, "status", 500))
