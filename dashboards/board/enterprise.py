"""The page of one enterprise: why it is warned of, what is known, and what is missing."""

from __future__ import annotations

import json
from collections.abc import Sequence
from zoneinfo import ZoneInfo

from nicegui import ui

from connectors.catalogue import FAMILIES
from connectors.models import Counterfactual, Coverage, Level
from dashboards.board.acknowledging import AcknowledgeDialog
from dashboards.board.charts import daily_chart, score_chart
from dashboards.board.frame import MARKS, Frame
from dashboards.board.grid import Cell, Grid, Row
from dashboards.board.texts import Texts
from dashboards.desk import Desk
from dashboards.figures import (
    AlertState,
    AlertTransition,
    EnterpriseDetail,
    EnterpriseView,
    FindingState,
    RiskState,
    SignalRow,
)
from dashboards.shared import Seen
from streams.clock import moment


class EnterprisePage:
    """One browser's view of one enterprise.

    Parameters
    ----------
    desk
        Where the figures come from.
    texts
        In the reader's language.
    enterprise_id
        Whose page it is.
    zone
        In which days are those of the sources.
    """

    def __init__(self, desk: Desk, texts: Texts, enterprise_id: str, zone: ZoneInfo) -> None:
        self._desk, self._texts, self._zone = desk, texts, zone
        self._id = enterprise_id
        self._seen: Seen[EnterpriseView | None] = Seen()
        self._shown: EnterpriseView | None = None
        self._now = moment(desk.clock.now_ms())
        self._frame = Frame(desk, texts)
        with ui.element("div").classes("fw-main") as self._main:
            with ui.element("a").classes("fw-back").props('href="/"'):
                ui.label(f"← {texts('back')}")
            self._missing = ui.label(texts("enterprise.loading")).classes("fw-empty").props('role="status"')
            self._body = ui.element("div").classes("fw-enterprise")
            with self._body:
                self._build()
            self._body.set_visibility(False)
        self._dialog = AcknowledgeDialog(desk, texts, self.refresh)

    async def refresh(self) -> None:
        """Show the newest figures."""
        wall = await self._desk.wall.get()
        if wall.value is not None:
            self._now = wall.value.now
        self._seen = await self._desk.enterprises.get(self._id)
        old = self._frame.show(wall, self._seen.failing_since)
        self._main.classes(add="fw-old" if old else "", remove="" if old else "fw-old")
        self._show()

    def redraw(self) -> None:
        """Show the figures at hand again."""
        self._shown = None
        self._show()

    def _build(self) -> None:
        texts = self._texts
        with ui.element("section").classes("fw-panel fw-identity"):
            with ui.element("div").classes("fw-identity-line"):
                self._name = ui.label().classes("fw-name").props('role="heading" aria-level="1"')
                self._chip = ui.label().classes("fw-chip").props('data-testid="level"')
            self._facts = ui.label().classes("fw-facts")
            self._score = ui.label().classes("fw-score")
            self._interval = ui.label().classes("fw-muted")
        with ui.element("section").classes("fw-panel fw-alert-panel"):
            _heading(texts("alert.now"))
            self._since = ui.label().classes("fw-strong")
            self._reasons = Grid(texts("reasons"), [("text", texts("column.text"))], texts("alert.none"))
            self._clear = ui.label().classes("fw-clear")
            self._acknowledged = ui.label().classes("fw-muted").props('data-testid="acknowledged"')
            self._button = (
                ui.element("button")
                .classes("fw-button fw-button-strong")
                .props('type="button" data-testid="acknowledge"')
            )
            with self._button:
                ui.label(texts("acknowledge"))
            self._button.on("click", self._ask)
        with ui.element("section").classes("fw-panel"):
            _heading(texts("chart.score"))
            self._scores = _Chart(texts("chart.none"))
        with ui.element("section").classes("fw-panel"):
            _heading(texts("families"))
            columns = [("family", texts("column.family")), ("score", texts("column.score"))]
            columns += [("coverage", texts("column.coverage")), ("newest", texts("column.newest"))]
            self._families = Grid(texts("families"), columns, texts("risk.unknown")).classes("fw-families")
            ui.label(texts("families.missing")).classes("fw-muted")
        with ui.element("section").classes("fw-panel fw-span"):
            _heading(texts("chart.daily"))
            self._daily = _Chart(texts("chart.none"))
        with ui.element("section").classes("fw-panel fw-span"):
            _heading(texts("history"))
            columns = [("since", texts("column.time")), ("state", texts("column.state"))]
            columns += [("level", texts("column.level")), ("score", texts("column.score")), ("text", texts("reasons"))]
            self._history = Grid(texts("history"), columns, texts("history.none"))
        with ui.element("section").classes("fw-panel fw-span"):
            _heading(texts("findings"))
            columns = [("text", texts("column.text")), ("severity", texts("column.severity"))]
            columns += [("state", texts("column.state")), ("since", texts("column.began"))]
            self._findings = Grid(texts("findings"), columns, texts("findings.none"))
        with ui.element("section").classes("fw-panel fw-span"):
            _heading(texts("signals"))
            columns = [(key, texts(f"column.{key}")) for key in ("time", "family", "metric", "value", "source")]
            self._signals = Grid(texts("signals"), columns, texts("signals.none"))

    async def _ask(self) -> None:
        if self._shown is not None and self._shown.detail.alert is not None:
            await self._dialog.ask(self._shown.detail.alert)

    def _show(self) -> None:
        view = self._seen.value
        known = self._seen.as_of > 0
        self._body.set_visibility(view is not None)
        self._missing.set_visibility(view is None)
        if known and view is None:
            self._missing.set_text(self._texts("enterprise.unknown", id=self._id))
        if view is None:
            return
        self._show_since(view.detail.alert)
        if view == self._shown:
            return
        self._shown = view
        self._show_identity(view.detail)
        self._show_risk(view.detail.risk)
        self._show_alert(view.detail.alert)
        self._history.show(_history_rows(view.detail.history, self._texts))
        self._findings.show(_finding_rows(view.detail.findings, self._texts))
        self._signals.show(_signal_rows(view.signals, self._texts))
        self._show_charts(view)

    def _show_identity(self, detail: EnterpriseDetail) -> None:
        texts, registry = self._texts, detail.registry
        self._name.set_text(detail.name)
        ui.page_title(detail.name)
        facts = [f"{texts('fact.code')} {detail.enterprise_id}"]
        if registry is None:
            facts.append(texts("fact.unregistered"))
        else:
            named = {
                "industry": texts.industry(registry.industry),
                "region": texts.region(registry.region),
                "size": texts.size(registry.size),
                "names": texts.pick("、", ", ").join(registry.names[1:]),
            }
            facts += [f"{texts(f'fact.{key}')} {value}" for key, value in named.items() if value]
        self._facts.set_text("　·　".join(facts))

    def _show_risk(self, risk: RiskState | None) -> None:
        texts = self._texts
        level = risk.level if risk else Level.NONE
        self._chip.set_text(f"{MARKS[level]} {texts.level(level)}")
        self._chip.classes(replace=f"fw-chip fw-chip-large fw-{level.value}")
        if risk is None:
            self._score.set_text("–")
            self._interval.set_text(texts("risk.unknown"))
        else:
            self._score.set_text(f"{risk.score:.2f}")
            interval = texts("risk.interval", low=f"{risk.low:.2f}", high=f"{risk.high:.2f}")
            self._interval.set_text(f"{texts('risk.score')}　{interval}　{texts('risk.at', at=texts.moment(risk.at))}")
        self._families.show(_family_rows(risk, texts))

    def _show_alert(self, alert: AlertState | None) -> None:
        texts = self._texts
        self._button.set_visibility(alert is not None and alert.acknowledged is None)
        if alert is None:
            self._clear.set_visibility(False)
            self._acknowledged.set_visibility(False)
            self._reasons.show([])
            return
        self._reasons.show(
            [
                Row(
                    id=str(number),
                    cells={"text": Cell(text=texts.pick(reason.zh, reason.en), sub=texts.family(reason.family))},
                )
                for number, reason in enumerate(alert.reasons)
            ]
        )
        what = alert.counterfactual
        self._clear.set_text(_clearing(what, texts) if what else "")
        self._clear.set_visibility(what is not None)
        seen = alert.acknowledged
        said = texts("acknowledged.at", actor=seen.actor, at=texts.moment(seen.at)) if seen else ""
        self._acknowledged.set_text(f"{said}　{seen.note}".strip() if seen else "")
        self._acknowledged.set_visibility(seen is not None)

    def _show_since(self, alert: AlertState | None) -> None:
        self._since.set_visibility(alert is not None)
        if alert is not None:
            age = self._texts.span(self._now - alert.opened_at)
            self._since.set_text(self._texts("alert.since", at=self._texts.moment(alert.opened_at), age=age))

    def _show_charts(self, view: EnterpriseView) -> None:
        texts = self._texts
        latest = f"{view.scores[-1].score:.2f}" if view.scores else "–"
        label = texts("chart.score.label", count=len(view.scores), latest=latest)
        self._scores.show(score_chart(view.scores, texts) if view.scores else None, label)
        latest = f"{view.daily[-1].value:,.0f}" if view.daily else "–"
        label = texts("chart.daily.label", count=len(view.daily), latest=latest)
        self._daily.show(daily_chart(view.daily, texts, self._zone) if view.daily else None, label)


class _Chart:
    """A chart that is drawn once there is something to draw."""

    def __init__(self, empty: str) -> None:
        self._box = ui.element("div").classes("fw-chart").props('role="img"')
        self._empty = ui.label(empty).classes("fw-empty")
        self._box.set_visibility(False)
        self._drawn: ui.echart | None = None

    def show(self, options: dict[str, object] | None, label: str) -> None:
        self._box.set_visibility(options is not None)
        self._empty.set_visibility(options is None)
        if options is None:
            return
        self._box.props["aria-label"] = label
        if self._drawn is None:
            with self._box:
                self._drawn = ui.echart(options).classes("fw-chart-canvas")
        elif self._drawn.options != options:
            self._drawn.options.clear()
            self._drawn.options.update(options)
            self._drawn.update()
        self._box.update()


def _heading(text: str) -> None:
    ui.label(text).classes("fw-heading").props('role="heading" aria-level="2"')


def _clearing(what: Counterfactual, texts: Texts) -> str:
    return texts("labelled", label=texts("counterfactual"), said=texts.pick(what.zh, what.en))


def _family_rows(risk: RiskState | None, texts: Texts) -> list[Row]:
    if risk is None:
        return []
    known = {state.family: state for state in risk.families}
    rows = []
    for name in [*FAMILIES, *(name for name in known if name not in FAMILIES)]:
        state = known.get(name)
        coverage = state.coverage if state else Coverage.NEVER
        score = state.score if state else 0.0
        newest = state.newest_event_time if state else None
        cells = {
            "family": Cell(text=texts.family(name)),
            "score": Cell(text=f"{score:.2f}", bar=round(score, 3))
            if coverage is not Coverage.NEVER
            else Cell(text="–"),
            "coverage": Cell(chip=f"coverage-{coverage.value}", text=texts(f"coverage.{coverage.value}")),
            "newest": Cell(text=texts.moment(newest) if newest else "–"),
        }
        rows.append(Row(id=name, cells=cells))
    return rows


def _history_rows(history: Sequence[AlertTransition], texts: Texts) -> list[Row]:
    rows = []
    for one in history:
        said = texts.pick("；", "; ").join(texts.pick(reason.zh, reason.en) for reason in one.reasons) or one.rule
        why = Cell(text=said)
        notes = []
        if one.counterfactual:
            notes.append(_clearing(one.counterfactual, texts))
        if not one.notify:
            notes.append(texts("transition.backfill"))
        if notes:
            why["sub"] = "　".join(notes)
        cells = {
            "since": Cell(text=texts.moment(one.at)),
            "state": Cell(text=texts(f"transition.{one.transition.value}")),
            "level": Cell(chip=one.level.value, mark=MARKS[one.level], text=texts(f"level.short.{one.level.value}")),
            "score": Cell(text=f"{one.score:.2f}"),
            "text": why,
        }
        rows.append(Row(id=str(one.sequence), cells=cells))
    return rows


def _finding_rows(findings: Sequence[FindingState], texts: Texts) -> list[Row]:
    rows = []
    for one in findings:
        numbers = [f"{one.observed:,.2f}" if one.observed is not None else ""]
        numbers.append(f"/ {one.expected:,.2f}" if one.expected is not None else "")
        figures = " ".join(part for part in (*numbers, one.unit) if part)
        cells = {
            "text": Cell(
                text=texts.pick(one.text_zh, one.text_en), sub=f"{texts.family(one.family)}　{figures}".strip()
            ),
            "severity": Cell(text=f"{one.severity:.2f}", bar=round(one.severity, 3)),
            "state": Cell(text=texts(f"finding.{one.state}") if one.state in _FINDING_STATES else one.state),
            "since": Cell(text=texts.moment(one.since)),
        }
        rows.append(Row(id=one.finding_id, cells=cells))
    return rows


_FINDING_STATES = frozenset({"raised", "changed", "ended", "withdrawn"})


def _signal_rows(signals: Sequence[SignalRow], texts: Texts) -> list[Row]:
    rows = []
    for number, one in enumerate(signals):
        said = f"{one.value:,.2f} {one.unit}" if one.value is not None else _said(one, texts)
        cells = {
            "time": Cell(text=texts.moment(one.event_time)),
            "family": Cell(text=texts.family(one.family)),
            "metric": Cell(text=texts.metric(one.metric), sub=one.metric),
            "value": Cell(text=said),
            "source": Cell(text=one.source),
        }
        rows.append(Row(id=f"{one.event_time.isoformat()} {one.metric} {number}", cells=cells))
    return rows


def _said(event: SignalRow, texts: Texts) -> str:
    """Return an event's payload as one readable line; as it is if it cannot be read."""
    try:
        values = json.loads(event.payload)
    except ValueError:
        return event.payload
    if not isinstance(values, dict):
        return event.payload
    return " · ".join(texts.fact(event.metric, key, value) for key, value in values.items())
