"""Put data source, folder, dashboards and alert rules into a Grafana, and change only what differs.

Grafana is reached through the small protocol below, so that the logic is the same for the real client
(:mod:`dashboards.grafana.client`) and for any other.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Protocol, TypeAlias
from urllib.parse import urlsplit

from tenacity import Retrying, retry_if_exception_type, stop_after_attempt, wait_exponential
from tenacity.nap import sleep as real_sleep

from dashboards.grafana import shipped

Json: TypeAlias = dict[str, Any]

#: The oldest Grafana whose dashboard schema and preinstalled plug-ins these dashboards rely on.
OLDEST_MAJOR = 11
ATTEMPTS = 6


class TryAgainError(Exception):
    """Grafana was not reached, did not answer in time, or failed itself: the same call may succeed later."""


class RefusedError(Exception):
    """Grafana understood and refused, or the input is wrong: the same call will fail again."""


class Grafana(Protocol):
    """What provisioning needs of a Grafana.

    Every method blocks for at most the client's time-out, and raises ``TryAgainError`` or ``RefusedError``. None of
    their messages holds a secret. Look-ups return None for what does not exist.
    """

    def version(self) -> str:
        """Return Grafana's version, ``12.2.0``."""
        ...

    def data_source(self, uid: str) -> Json | None:
        """Return a data source, without its secrets."""
        ...

    def create_data_source(self, body: Json) -> None:
        """Add a data source."""
        ...

    def update_data_source(self, uid: str, body: Json) -> None:
        """Replace a data source; secrets that are not given stay."""
        ...

    def data_source_problem(self, uid: str) -> str:
        """Return why Grafana cannot query the data source; empty if it can. Raises nothing."""
        ...

    def folder(self, uid: str) -> Json | None:
        """Return a folder."""
        ...

    def create_folder(self, uid: str, title: str) -> None:
        """Add a folder."""
        ...

    def dashboard(self, uid: str) -> Json | None:
        """Return a dashboard as it was saved, with Grafana's own id and version."""
        ...

    def save_dashboard(self, folder_uid: str, dashboard: Json) -> None:
        """Add a dashboard or replace it, whatever its version."""
        ...

    def rule_group(self, folder_uid: str, name: str) -> Json | None:
        """Return a group of alert rules."""
        ...

    def save_rule_group(self, folder_uid: str, name: str, body: Json) -> None:
        """Add a group of alert rules or replace it."""
        ...


class Outcome(StrEnum):
    """What provisioning did to one object."""

    CREATED = "created"
    UPDATED = "updated"
    UNCHANGED = "unchanged"


@dataclass(frozen=True, slots=True)
class Step:
    """One object that was looked after."""

    kind: str
    name: str
    outcome: Outcome


@dataclass(frozen=True, slots=True)
class ClickHouse:
    """The ClickHouse of the data source, as Grafana reaches it. An empty password leaves the stored one."""

    url: str
    database: str
    user: str
    password: str = field(default="", repr=False)


def data_source(clickhouse: ClickHouse) -> Json:
    """Return the data source's body.

    Raises
    ------
    RefusedError
        If the URL is not ``http(s)://host[:port]``.

    Examples
    --------
    >>> data_source(ClickHouse("https://db:8443", "forewarn", "grafana"))["jsonData"]["secure"]
    True
    """
    url = urlsplit(clickhouse.url)
    if url.scheme not in ("http", "https") or not url.hostname or url.username or url.password:
        message = "the ClickHouse URL must be http://host:port or https://host:port, without user and password"
        raise RefusedError(message)
    secure = url.scheme == "https"
    body: Json = {
        "uid": shipped.DATA_SOURCE_UID,
        "name": "forewarn ClickHouse",
        "type": shipped.DATA_SOURCE_TYPE,
        "access": "proxy",
        "jsonData": {
            "host": url.hostname,
            "port": url.port or (8443 if secure else 8123),
            "protocol": "http",
            "secure": secure,
            "defaultDatabase": clickhouse.database,
            "username": clickhouse.user,
        },
    }
    return body | ({"secureJsonData": {"password": clickhouse.password}} if clickhouse.password else {})


def provision(
    grafana: Grafana, clickhouse: ClickHouse, *, sleep: Callable[[float], None] = real_sleep
) -> Iterator[Step]:
    """Bring everything to the shipped state, one step at a time; a second run changes nothing.

    Each step looks before it writes and is tried again as a whole, so that a write whose answer was lost is found
    done and not done twice.

    Raises
    ------
    TryAgainError
        If Grafana could not be reached after all attempts.
    RefusedError
        If Grafana refuses, or is too old.
    """
    again = Retrying(
        retry=retry_if_exception_type(TryAgainError),
        stop=stop_after_attempt(ATTEMPTS),
        wait=wait_exponential(multiplier=0.5, max=8),
        sleep=sleep,
        reraise=True,
    )
    again(_refuse_old, grafana)
    yield again(_ensure_data_source, grafana, data_source(clickhouse))
    yield again(_ensure_folder, grafana)
    for dashboard in shipped.dashboards():
        yield again(_ensure_dashboard, grafana, dashboard)
    for group in shipped.rule_groups():
        yield again(_ensure_rule_group, grafana, _group_body(group))


def _refuse_old(grafana: Grafana) -> None:
    version = grafana.version()
    major = version.split(".")[0]
    if major.isdigit() and int(major) < OLDEST_MAJOR:
        message = f"this is Grafana {version}; the dashboards need {OLDEST_MAJOR} or newer: upgrade Grafana"
        raise RefusedError(message)


def _ensure_data_source(grafana: Grafana, body: Json) -> Step:
    uid, name = body["uid"], body["name"]
    found = grafana.data_source(uid)
    if found is None:
        grafana.create_data_source(body)
        return Step("data source", name, Outcome.CREATED)
    # A stored password cannot be read back, so a given one is always written.
    if "secureJsonData" not in body and _holds(found, body):
        return Step("data source", name, Outcome.UNCHANGED)
    grafana.update_data_source(uid, body)
    return Step("data source", name, Outcome.UPDATED)


def _ensure_folder(grafana: Grafana) -> Step:
    found = grafana.folder(shipped.FOLDER_UID)
    if found is None:
        grafana.create_folder(shipped.FOLDER_UID, shipped.FOLDER_TITLE)
    return Step("folder", shipped.FOLDER_TITLE, Outcome.UNCHANGED if found else Outcome.CREATED)


def _ensure_dashboard(grafana: Grafana, dashboard: Json) -> Step:
    found = grafana.dashboard(dashboard["uid"])
    if found is not None and _holds(found, dashboard):
        return Step("dashboard", dashboard["title"], Outcome.UNCHANGED)
    grafana.save_dashboard(shipped.FOLDER_UID, dashboard)
    return Step("dashboard", dashboard["title"], Outcome.UPDATED if found else Outcome.CREATED)


def _ensure_rule_group(grafana: Grafana, body: Json) -> Step:
    name = body["title"]
    found = grafana.rule_group(shipped.FOLDER_UID, name)
    if found is not None and _holds(found, body):
        return Step("alert rules", name, Outcome.UNCHANGED)
    grafana.save_rule_group(shipped.FOLDER_UID, name, body)
    return Step("alert rules", name, Outcome.UPDATED if found else Outcome.CREATED)


def _group_body(group: Mapping[str, Any]) -> Json:
    """Return a rule group of a provisioning file in the form of the HTTP interface."""
    home = {"ruleGroup": group["name"], "folderUID": shipped.FOLDER_UID, "orgID": group["orgId"]}
    return {
        "title": group["name"],
        "folderUid": shipped.FOLDER_UID,
        "interval": _seconds(group["interval"]),
        "rules": [rule | home for rule in group["rules"]],
    }


def _seconds(duration: str) -> int:
    return int(duration[:-1]) * {"s": 1, "m": 60, "h": 3600}[duration[-1]]


def _holds(found: object, wanted: object) -> bool:
    """Return whether everything that is wanted is there; Grafana adds ids, versions and defaults of its own."""
    if isinstance(wanted, Mapping):
        return isinstance(found, Mapping) and all(_holds(found.get(key), value) for key, value in wanted.items())
    if isinstance(wanted, list):
        return isinstance(found, list) and len(found) == len(wanted) and all(map(_holds, found, wanted))
    return found == wanted
