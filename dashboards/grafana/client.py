"""A real Grafana, through grafana-client: the only module that imports it.

grafana-client brings urllib3-future, which replaces the ``urllib3`` that clickhouse-connect uses. It therefore lives in
an extra and in an environment of its own, which runs nothing but provisioning.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

from dashboards.grafana.provision import Grafana, Json, RefusedError, TryAgainError

TIMEOUT_S = 10.0
_BUSY = frozenset({0, 408, 429})  # 0: no answer at all

INSTALL = (
    "grafana-client is not installed. It replaces a library that the other processes need, so give it an environment "
    "of its own: python3 -m venv grafana-env && grafana-env/bin/pip install 'forewarn[grafana]', then run "
    "grafana-env/bin/forewarn grafana provision"
)


class MissingClientError(Exception):
    """grafana-client is not installed; the message says how to install it."""


def connect(url: str, token: str, timeout_s: float = TIMEOUT_S) -> Grafana:
    """Return the Grafana at a URL. Does not call it yet.

    Raises
    ------
    MissingClientError
        If grafana-client is not installed.
    RefusedError
        If the URL is not ``http(s)://host[:port][/path]`` without user and password.
    """
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.username or parts.password:
        message = "the Grafana URL must be http(s)://host[:port][/path]; the token goes into FOREWARN_GRAFANA_TOKEN"
        raise RefusedError(message)
    try:
        library = importlib.import_module("grafana_client")
        transport = importlib.import_module("niquests.exceptions")
    except ImportError as error:
        raise MissingClientError(INSTALL) from error
    api = library.GrafanaApi.from_url(url.rstrip("/"), credential=token, timeout=timeout_s)
    return _Client(api, importlib.import_module("grafana_client.client").GrafanaException, transport.RequestException)


class _Client:
    """grafana-client behind our protocol. Its classes come as arguments, since its types are not at hand."""

    def __init__(self, api: Any, failure: type[Exception], broken: type[Exception]) -> None:
        self._api = api
        self._failure = failure
        self._broken = broken

    def version(self) -> str:
        return str(self._call("the version", self._api.health.check)["version"])

    def data_source(self, uid: str) -> Json | None:
        return self._find("the data source", self._api.datasource.get_datasource_by_uid, uid)

    def create_data_source(self, body: Json) -> None:
        self._call("the new data source", self._api.datasource.create_datasource, body)

    def update_data_source(self, uid: str, body: Json) -> None:
        self._call("the data source", self._api.datasource.update_datasource_by_uid, uid, body)

    def data_source_problem(self, uid: str) -> str:
        try:
            answer = self._call("the data source's health", self._api.datasource.health, uid)
        except (RefusedError, TryAgainError) as error:
            return str(error)
        return "" if answer.get("status") == "OK" else str(answer.get("message") or "no reason given")

    def folder(self, uid: str) -> Json | None:
        return self._find("the folder", self._api.folder.get_folder, uid)

    def create_folder(self, uid: str, title: str) -> None:
        self._call("the new folder", self._api.folder.create_folder, title, uid)

    def dashboard(self, uid: str) -> Json | None:
        found = self._find("the dashboard", self._api.dashboard.get_dashboard, uid)
        return found["dashboard"] if found else None

    def save_dashboard(self, folder_uid: str, dashboard: Json) -> None:
        body = {"dashboard": dashboard | {"id": None}, "folderUid": folder_uid, "overwrite": True}
        self._call("the dashboard", self._api.dashboard.update_dashboard, body)

    def rule_group(self, folder_uid: str, name: str) -> Json | None:
        return self._find("the alert rules", self._api.alertingprovisioning.get_rule_group, folder_uid, name)

    def save_rule_group(self, folder_uid: str, name: str, body: Json) -> None:
        update: Callable[..., Json] = self._api.alertingprovisioning.update_rule_group
        # Without provenance an operator may still change the rules in Grafana's pages.
        self._call("the alert rules", update, folder_uid, name, body, True)

    def _find(self, what: str, method: Callable[..., Json], *arguments: Any) -> Json | None:
        try:
            return method(*arguments)
        except self._failure as error:
            if getattr(error, "status_code", None) == 404:
                return None
            raise self._translated(what, error) from None
        except self._broken as error:
            raise _unreached(error) from None

    def _call(self, what: str, method: Callable[..., Any], *arguments: Any) -> Json:
        try:
            return method(*arguments) or {}
        except self._failure as error:
            raise self._translated(what, error) from None
        except self._broken as error:
            raise _unreached(error) from None

    @staticmethod
    def _translated(what: str, error: Exception) -> Exception:
        status = int(getattr(error, "status_code", 0) or 0)
        if status in _BUSY or status >= 500:
            return TryAgainError(f"Grafana did not answer for {what} (status {status})")
        if status in (401, 403):
            message = (
                f"Grafana refuses the token for {what} (status {status}): give FOREWARN_GRAFANA_TOKEN the token of a "
                "service account with the role Admin"
            )
            return RefusedError(message)
        answer = getattr(error, "response", None)  # the server's words; the request, with its secrets, is not in it
        reason = answer.get("message", "") if isinstance(answer, dict) else ""
        return RefusedError(f"Grafana refuses {what} (status {status}): {reason}")


def _unreached(error: Exception) -> TryAgainError:
    return TryAgainError(f"Grafana is not reachable ({type(error).__name__})")
