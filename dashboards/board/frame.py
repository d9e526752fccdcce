"""What every page has: who looks (language, zone), the head with the state of the data, the banners."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from urllib.parse import unquote
from zoneinfo import ZoneInfo

from nicegui import ui
from starlette.requests import Request

from connectors.models import Level
from dashboards.board.texts import Language, Texts
from dashboards.desk import STALE_AFTER, Desk
from dashboards.figures import SourceFreshness, Wall
from dashboards.shared import Seen
from streams.clock import moment

LANGUAGE_COOKIE, ZONE_COOKIE = "forewarn-language", "forewarn-zone"
#: How often a page asks for new figures. Seconds.
REFRESH_S = 2.0
#: Shapes beside the colours, for those who cannot tell these apart.
MARKS: Mapping[Level, str] = {Level.RED: "◆", Level.ORANGE: "▲", Level.YELLOW: "●", Level.BLUE: "■", Level.NONE: "○"}

_HERE = Path(__file__).parent
_SCRIPT = (_HERE / "board.js").read_text(encoding="utf-8")
_STYLE = (_HERE / "board.css").read_text(encoding="utf-8")


@dataclass(frozen=True, slots=True)
class Viewer:
    """Who looks, as far as the page cares.

    Parameters
    ----------
    texts
        In the viewer's language and zone.
    zone_known
        Whether the browser has told its zone.
    """

    texts: Texts
    zone_known: bool

    @classmethod
    def of(cls, request: Request, default_zone: str) -> Viewer:
        """Return the viewer by the cookies of the browser: its language, its zone.

        Until a language was chosen it is the one that the browser asks for.
        """
        chosen = request.cookies.get(LANGUAGE_COOKIE)
        asked = asked_language(request.headers.get("accept-language", ""))
        language = Language(chosen) if chosen in list(Language) else asked
        zone = known_zone(unquote(request.cookies.get(ZONE_COOKIE, "")))
        return cls(Texts(language, zone or known_zone(default_zone) or ZoneInfo("UTC")), zone is not None)


def asked_language(accepted: str) -> Language:
    """Return the first of the board's languages in an ``Accept-Language`` header: browsers begin with the preferred.

    Examples
    --------
    >>> [str(asked_language(said)) for said in ("zh-CN,en;q=0.8", "fr, ZH-TW;q=0.5", "en-GB,zh;q=0.5", "fr", "")]
    ['zh', 'zh', 'en', 'en', 'zh']
    """
    if not accepted.strip():
        return Language.ZH
    said = (part.partition(";")[0].strip().partition("-")[0].lower() for part in accepted.split(","))
    return next((Language(one) for one in said if one in list(Language)), Language.EN)


def known_zone(name: str) -> ZoneInfo | None:
    """Return the zone of this name, which may be anything that a browser said; None if there is none.

    Examples
    --------
    >>> known_zone("Asia/Shanghai"), known_zone("../../etc/passwd"), known_zone("")
    (zoneinfo.ZoneInfo(key='Asia/Shanghai'), None, None)
    """
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        return None


def dress(texts: Texts) -> None:
    """Give the page its style and its script. Nothing in them comes from outside."""
    language = {Language.ZH: "zh-CN", Language.EN: "en"}[texts.language]
    ui.add_head_html(f'<script>document.documentElement.lang = "{language}";</script>')
    ui.add_head_html(f"<style>{_STYLE}</style><script>{_SCRIPT}</script>")


class Frame:
    """The head of a page: brand, state of the data, language; and the banners below it.

    Parameters
    ----------
    desk
        Tells the age of the data.
    texts
        In the reader's language.
    """

    def __init__(self, desk: Desk, texts: Texts) -> None:
        self._desk, self._texts = desk, texts
        self._beat = 0
        with ui.element("header").classes("fw-head"):
            with ui.element("a").classes("fw-brand").props('href="/"'):
                ui.label("forewarn").classes("fw-brand-name")
                ui.label(texts("brand")).classes("fw-brand-text")
            with ui.element("div").classes("fw-status").props('role="status" aria-live="polite"') as self._status:
                self._age = ui.label().classes("fw-age").props('data-testid="data-age"')
                self._connection = ui.label().classes("fw-connection").props('data-testid="connection"')
            self._simulated = ui.label().classes("fw-simulated").props('data-testid="simulated"')
            self._simulated.set_visibility(False)
            self._clock = ui.label().classes("fw-clock").props('data-testid="clock"')
            language = ui.element("button").classes("fw-button").props('type="button" data-testid="language"')
            language.props["aria-label"] = texts("language.label")
            with language:
                ui.label(texts("language"))
            other = Language.EN if texts.language is Language.ZH else Language.ZH
            switch = f"document.cookie='{LANGUAGE_COOKIE}={other}; path=/; SameSite=Lax; max-age=31536000'"
            language.on("click", js_handler=f"() => {{ {switch}; location.reload(); }}")
        self._banner = ui.label().classes("fw-banner").props('role="alert" data-testid="banner"')
        self._halted = ui.label().classes("fw-banner").props('role="alert" data-testid="halted"')
        self._losses = ui.label().classes("fw-banner fw-banner-soft").props('data-testid="losses"')
        self._sources = ui.label().classes("fw-banner fw-banner-soft").props('data-testid="sources"')
        ui.label(texts("data.lost")).classes("fw-banner fw-lost-banner").props('role="alert"')

    def show(self, seen: Seen[Wall], other_failing: int | None = None) -> bool:
        """Show the state of the data; return whether what the page shows is old.

        Parameters
        ----------
        seen
            The wall as last read.
        other_failing
            Since when another read of the page fails, if it does. Milliseconds.
        """
        texts, now = self._texts, moment(self._desk.clock.now_ms())
        self._beat += 1
        self._status.props(f"data-beat={self._beat}")
        self._tell_time(seen.value, now)
        failing = [since for since in (seen.failing_since, other_failing) if since is not None]
        age = self._desk.data_age(seen.value) if seen.value else None
        stale = age is None or age > STALE_AFTER
        self._age.set_text(texts("data.none") if age is None else texts("data.age", age=texts.span(age)))
        _mark(self._age, "fw-bad", stale or bool(failing))
        self._connection.set_text(texts("disconnected" if failing else "connected"))
        _mark(self._connection, "fw-bad", bool(failing))
        _tell(self._banner, self._warning(seen, min(failing, default=None), age if stale else None))
        wall = None if failing else seen.value  # old figures say nothing about what is wrong now
        _tell(self._halted, self._scoring(wall.scoring_halted_since) if wall else "")
        _tell(self._losses, texts("input.lost", count=wall.losses) if wall and wall.losses else "")
        _tell(self._sources, self._troubled(wall.sources) if wall else "")
        return bool(failing)

    def _scoring(self, halted_since: datetime | None) -> str:
        return "" if halted_since is None else self._texts("scoring.halted", since=self._texts.moment(halted_since))

    def _tell_time(self, wall: Wall | None, now: datetime) -> None:
        """Show the time that ages are reckoned from: beside alerts of a simulated year, today's would mislead."""
        texts, simulated = self._texts, wall is not None and wall.simulated
        self._clock.set_text(texts.clock(now))
        self._clock.set_visibility(not simulated)
        self._simulated.set_text(texts("simulated", at=texts.moment(wall.now)) if wall is not None else "")
        self._simulated.set_visibility(simulated)

    def _warning(self, seen: Seen[Wall], failing_since: int | None, stale_for: timedelta | None) -> str:
        texts = self._texts
        if failing_since is not None:
            since = texts.clock(moment(failing_since))
            if seen.value is None:
                return texts("data.away.never", since=since)
            return texts("data.away", since=since, as_of=texts.clock(moment(seen.as_of)))
        return texts("data.stale", age=texts.span(stale_for)) if stale_for is not None else ""

    def _troubled(self, sources: list[SourceFreshness]) -> str:
        names = [f"{one.source} {one.message}".strip() for one in sources if one.status == "error"]
        return self._texts("sources.trouble", sources="; ".join(names)) if names else ""


def _tell(banner: ui.label, text: str) -> None:
    banner.set_text(text)
    banner.set_visibility(bool(text))


def _mark(element: ui.element, name: str, marked: bool) -> None:
    if marked:
        element.classes(add=name)
    else:
        element.classes(remove=name)
