"""What the board shows and the API answers: the shapes of everything that is read."""

from __future__ import annotations

from datetime import datetime

from pydantic import BaseModel, ConfigDict, Field

from connectors.models import Counterfactual, Coverage, Level, Reason, Relation, Transition

#: Levels that people are warned of, the worst first.
WARNING_LEVELS = (Level.RED, Level.ORANGE, Level.YELLOW, Level.BLUE)

_ID = "91350100M000100Y43"
_NAME = "福州示例机械有限公司"


class Figure(BaseModel):
    """What all shapes share: they do not change."""

    model_config = ConfigDict(frozen=True, use_attribute_docstrings=True)


class Acknowledgement(Figure):
    """Somebody has seen an alert and takes care of it."""

    actor: str = Field(examples=["王芳"])
    note: str = Field("", examples=["已电话联系企业，周五前实地走访"])
    at: datetime


class AlertState(Figure):
    """One alert as it stands after its newest transition."""

    alert_id: str = Field(examples=[f"{_ID}-1"])
    enterprise_id: str = Field(examples=[_ID])
    enterprise_name: str = Field("", examples=[_NAME])
    sequence: int
    transition: Transition
    level: Level
    previous_level: Level
    score: float
    at: datetime
    """When the newest transition happened, by the stack clock."""
    opened_at: datetime
    open: bool
    rule: str
    reasons: list[Reason]
    counterfactual: Counterfactual | None = None
    notify: bool = True
    acknowledged: Acknowledgement | None = None

    @property
    def name(self) -> str:
        """What people call the enterprise; its code if no name is known."""
        return self.enterprise_name or self.enterprise_id


class AlertTransition(Figure):
    """One line of an enterprise's alert history."""

    alert_id: str
    sequence: int
    transition: Transition
    level: Level
    previous_level: Level
    score: float
    at: datetime
    rule: str
    reasons: list[Reason]
    counterfactual: Counterfactual | None = None
    notify: bool = True


class LevelCounts(Figure):
    """How many alerts are open."""

    red: int = 0
    orange: int = 0
    yellow: int = 0
    blue: int = 0
    unacknowledged: int = 0
    overdue: int = 0

    @property
    def total(self) -> int:
        """All open alerts."""
        return self.red + self.orange + self.yellow + self.blue

    def of(self, level: Level) -> int:
        """Return the count of one level."""
        return {
            Level.RED: self.red,
            Level.ORANGE: self.orange,
            Level.YELLOW: self.yellow,
            Level.BLUE: self.blue,
        }.get(level, 0)


class SourceFreshness(Figure):
    """How one source does, by its newest heartbeat."""

    source: str
    status: str
    at: datetime
    newest_event_time: datetime | None = None
    lag_seconds: float | None = None
    sent: int = 0
    rejected: int = 0
    message: str = ""


class Wall(Figure):
    """Everything on the warning wall, read at one moment."""

    now: datetime
    """The stack clock: the machine's in a live stack, the newest record's in a simulated one."""
    counts: LevelCounts
    alerts: list[AlertState]
    """The open alerts, the worst first, the newest first within a level; as many as fit (``MOST_ALERTS``)."""
    sources: list[SourceFreshness]
    data_at: datetime | None = None
    """When the store last received anything; None if it never did."""
    simulated: bool = False
    """Whether ``now`` is the newest record's time, which may be far from the machine's."""
    scoring_halted_since: datetime | None = None
    """Since when nothing is scored, by the machine's clock; None while something is, or nobody knows."""
    losses: int = 0
    """Gaps in the input of the last days: Kafka deleted records before they were scored or stored."""


class FamilyState(Figure):
    """One family's part in an enterprise's risk."""

    family: str
    score: float
    coverage: Coverage
    newest_event_time: datetime | None = None


class RiskState(Figure):
    """The fused state of an enterprise; ``low`` to ``high`` is what missing families leave open."""

    at: datetime
    score: float
    low: float
    high: float
    level: Level
    coverage: float
    families: list[FamilyState]


class RiskPoint(Figure):
    """Score and level at one moment."""

    at: datetime
    score: float
    level: Level


class EnterpriseSummary(Figure):
    """One line of a list of enterprises."""

    enterprise_id: str = Field(examples=[_ID])
    name: str = Field(examples=[_NAME])
    industry: str = Field("", examples=["C34"])
    region: str = Field("", examples=["350102"])
    size: str = Field("", examples=["medium"])
    level: Level = Level.NONE
    score: float | None = None
    """None if nothing is known about the enterprise yet: that is not safe."""


class Registry(Figure):
    """Who an enterprise is."""

    names: list[str]
    industry: str = ""
    region: str = ""
    size: str = ""
    relations: list[Relation] = Field(default_factory=list)


class FindingState(Figure):
    """A detector's opinion that stands, or its newest state."""

    finding_id: str
    family: str
    metric: str
    detector: str
    reason: str
    state: str
    severity: float
    confidence: float
    observed: float | None = None
    expected: float | None = None
    unit: str = ""
    since: datetime
    at: datetime
    text_zh: str
    text_en: str


class SignalRow(Figure):
    """One signal of an enterprise, in its latest revision."""

    family: str
    metric: str
    value: float | None = None
    unit: str = ""
    payload: str = ""
    event_time: datetime
    source: str


class DailyValue(Figure):
    """One closed day of one metric, with what was expected."""

    start: datetime
    value: float
    expected: float | None = None


class EnterpriseDetail(Figure):
    """All about one enterprise."""

    enterprise_id: str = Field(examples=[_ID])
    name: str = Field(examples=[_NAME])
    registry: Registry | None = None
    risk: RiskState | None = None
    alert: AlertState | None = None
    """The open alert; None if there is none."""
    history: list[AlertTransition]
    findings: list[FindingState]


class EnterpriseView(Figure):
    """The enterprise page: the details and the curves."""

    detail: EnterpriseDetail
    scores: list[RiskPoint]
    daily: list[DailyValue]
    signals: list[SignalRow]


class Page(Figure):
    """What all pages of a list share."""

    next_cursor: str | None = None
    """Give it back as ``cursor`` for the next page; null on the last one."""


class AlertPage(Page):
    """A page of alerts."""

    items: list[AlertState]


class EnterprisePage(Page):
    """A page of enterprises."""

    items: list[EnterpriseSummary]


class AlertDetail(AlertState):
    """One alert with all its transitions."""

    transitions: list[AlertTransition]
    acknowledgements: list[Acknowledgement]


class Health(Figure):
    """How the server and the store behind it do."""

    status: str = Field(examples=["ok"], description="ok, stale or unreachable")
    store: bool
    data_age_seconds: float | None = None
    sources: list[SourceFreshness]
