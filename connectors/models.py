"""Every message that crosses Kafka: pydantic models, JSON on the wire, versioned by their field ``v``.

Times are aware datetimes, written in UTC. What a message of version 1 means never changes; a new meaning is a new
version, and a program reads every version up to its own.
"""

from __future__ import annotations

from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    JsonValue,
    StringConstraints,
    WithJsonSchema,
)
from pydantic_core import PydanticCustomError


def _from_text(given: object) -> object:
    """Read ISO 8601. Numbers are refused: nobody knows whether they are seconds or milliseconds."""
    if isinstance(given, str):
        try:
            return datetime.fromisoformat(given)
        except ValueError as error:
            raise PydanticCustomError("time_format", "not an ISO 8601 time with a zone") from error
    return given


def _to_utc(moment: datetime) -> datetime:
    try:
        return moment.astimezone(UTC)
    except OverflowError as error:
        raise PydanticCustomError("time_range", "the year is out of range") from error


#: An aware moment, normalised to UTC.
Moment = Annotated[
    AwareDatetime,
    BeforeValidator(_from_text),
    AfterValidator(_to_utc),
    WithJsonSchema({"type": "string", "format": "date-time"}),
]
#: 1–64 printable characters without blanks: the unified social credit code where there is one.
ENTERPRISE_ID_PATTERN = r"^[!-~]{1,64}$"
EnterpriseId = Annotated[str, StringConstraints(pattern=ENTERPRISE_ID_PATTERN)]
#: A short name from a closed or operator-chosen list.
NAME_PATTERN = r"^[A-Za-z0-9][A-Za-z0-9._:/@+-]{0,127}$"
Name = Annotated[str, StringConstraints(pattern=NAME_PATTERN)]
#: Anything printable that a source uses to tell its records apart.
Identifier = Annotated[str, StringConstraints(min_length=1, max_length=256, pattern=r"^[^\x00-\x1f\x7f]+$")]
EnterpriseName = Annotated[str, StringConstraints(min_length=1, max_length=200)]
Unit01 = Annotated[float, Field(ge=0.0, le=1.0)]


class Message(BaseModel):
    """What all messages share: immutable, strict, no unknown fields, a version."""

    # Strict: "12" is not a number and true is not 1. A number where a text should be is a mistake of the source.
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False, strict=True)

    v: Literal[1] = 1

    def wire(self) -> bytes:
        """Return the JSON that goes on the wire, UTF-8."""
        return self.model_dump_json().encode()


class Level(StrEnum):
    """The warning levels, 红橙黄蓝, and none."""

    NONE = "none"
    BLUE = "blue"
    YELLOW = "yellow"
    ORANGE = "orange"
    RED = "red"

    @property
    def rank(self) -> int:
        """Its place in their order, from 0 for none."""
        return list(Level).index(self)


class Signal(Message):
    """One observation of one enterprise: a *reading* (value and unit) or an *event* (payload).

    Parameters
    ----------
    enterprise_id
        The 18-character unified social credit code where there is one. A wrong check character is flagged, not refused.
    family, metric
        From the catalogue (``connectors.catalogue``).
    value, unit
        Of a reading; the unit is the catalogue's.
    payload
        Of an event; the catalogue names the keys that it must have.
    event_time
        What the signal is about: the start of the reading's period or slot, or when the event happened.
    published_at
        When the source made it known, if it says so.
    source, source_id
        Who said it, and its id, unique within the source.
    revision
        0 at first; a restatement of the same ``source_id`` carries a higher one and replaces it.
    backfill
        Set by the connector: history that builds baselines and notifies nobody.
    attributes
        Free text of the source, kept and not judged.
    """

    enterprise_id: EnterpriseId
    family: Name
    metric: Name
    value: float | None = None
    unit: str | None = Field(default=None, max_length=32)
    payload: dict[str, JsonValue] | None = None
    event_time: Moment
    published_at: Moment | None = None
    source: Name
    source_id: Identifier
    revision: Annotated[int, Field(ge=0, le=2**31 - 1)] = 0
    backfill: bool = False
    attributes: dict[str, str] = Field(default_factory=dict, max_length=32)


class Relation(Message):
    """A tie to another enterprise, seen from the entry's own: "that one is my investor"."""

    enterprise_id: EnterpriseId
    kind: Literal["investor", "investee", "guarantor", "guaranteed", "controller", "affiliate"]
    share: Unit01 | None = None


class Enterprise(Message):
    """A registry entry: who an enterprise is. A later entry replaces it unless its revision is lower."""

    enterprise_id: EnterpriseId
    names: Annotated[
        list[Annotated[str, StringConstraints(min_length=1, max_length=200)]], Field(min_length=1, max_length=32)
    ]
    industry: str | None = Field(default=None, max_length=8, description="GB/T 4754 section letter and digits")
    region: str | None = Field(default=None, pattern=r"^\d{2}(\d{2}(\d{2})?)?$", description="GB/T 2260")
    size: Literal["large", "medium", "small", "micro"] | None = None
    relations: Annotated[list[Relation], Field(max_length=200)] = Field(default_factory=list)
    published_at: Moment | None = None
    source: Name
    source_id: Identifier
    revision: Annotated[int, Field(ge=0, le=2**31 - 1)] = 0


class Evidence(Message):
    """The Kafka record behind an opinion: its envelope index is 0 for a single signal."""

    topic: str
    partition: int
    offset: int
    index: int = 0


class FindingState(StrEnum):
    """What became of an opinion."""

    RAISED = "raised"
    CHANGED = "changed"
    ENDED = "ended"
    WITHDRAWN = "withdrawn"


class Finding(Message):
    """One detector's opinion on one enterprise, and what became of it.

    A ``lasting`` one counts undiminished until it has ended and fades from then; any other fades from ``since``. It
    halves every ``half_life_days``; null: it does not fade. ``closed``: the matter itself is over. Findings of earlier
    programs do not say how they fade: ``lasting`` is null there.
    """

    finding_id: str
    enterprise_id: EnterpriseId
    family: Name
    metric: str
    detector: Name
    detector_version: int
    config_version: str
    state: FindingState
    reason: Name
    subject: str = ""
    severity: Unit01
    confidence: Unit01
    observed: float | None = None
    expected: float | None = None
    unit: str = ""
    since: Moment
    at: Moment
    lasting: bool | None = None
    half_life_days: Annotated[float, Field(gt=0.0)] | None = None
    closed: bool = False
    text_zh: str
    text_en: str
    evidence: list[Evidence] = Field(default_factory=list)
    backfill: bool = False


class Coverage(StrEnum):
    """What we know of a family: stale is not zero, and never seen is not safe."""

    FRESH = "fresh"
    STALE = "stale"
    NEVER = "never"


class FamilyRisk(Message):
    """A family's part in an enterprise's risk."""

    family: Name
    score: Unit01
    coverage: Coverage
    newest_event_time: Moment | None = None


class Risk(Message):
    """The fused state of one enterprise; ``low`` to ``high`` is the interval that missing families leave open."""

    enterprise_id: EnterpriseId
    sequence: int
    at: Moment
    score: Unit01
    low: Unit01
    high: Unit01
    level: Level
    coverage: Unit01
    families: list[FamilyRisk]
    config_version: str


class Reason(Message):
    """Why, for an officer: Chinese and English, with numbers and dates."""

    reason: Name
    family: Name
    zh: str
    en: str
    severity: Unit01
    observed: float | None = None
    expected: float | None = None
    unit: str = ""
    since: Moment
    evidence: list[Evidence] = Field(default_factory=list)


class Counterfactual(Message):
    """What would clear the warning."""

    zh: str
    en: str


class Transition(StrEnum):
    """What happened to an alert."""

    OPENED = "opened"
    ESCALATED = "escalated"
    EASED = "eased"
    RESOLVED = "resolved"
    RETRACTED = "retracted"
    REVIEW = "review"


class Alert(Message):
    """One transition of an alert. ``sequence`` counts an enterprise's transitions without a gap, from 1.

    ``at`` is the stack clock; ``decided_on`` the newest day of data that the decision had seen; ``notify`` is false
    when only backfilled history moved it.
    """

    alert_id: str
    enterprise_id: EnterpriseId
    enterprise_name: str = ""
    sequence: Annotated[int, Field(ge=1)]
    transition: Transition
    level: Level
    previous_level: Level
    score: Unit01
    at: Moment
    opened_at: Moment
    decided_on: str
    rule: Name
    reasons: list[Reason]
    counterfactual: Counterfactual | None = None
    config_version: str
    notify: bool = True


class MetricRow(Message):
    """Rolling figures of one metric of one enterprise over one window, an hour or a day, that has closed."""

    enterprise_id: EnterpriseId
    family: Name
    metric: Name
    window: Literal["1h", "1d"]
    start: Moment
    count: int
    sum: float
    min: float
    max: float
    last: float
    expected: float | None = None
    at: Moment


class DeadLetter(Message):
    """A record, or one signal of an envelope, that was refused: the original bytes and why.

    ``index`` is the signal's place in its envelope, or null for the whole record. ``value`` and ``key`` are base64.
    """

    topic: str
    partition: int
    offset: int
    index: int | None = None
    reason: Name
    detail: str
    field: str | None = None
    record_time: Moment
    at: Moment
    key: str | None = None
    value: str


class Heartbeat(Message):
    """A connector says that it lives, where it stands, and that there is nothing new."""

    source: Name
    at: Moment
    status: Literal["alive", "idle", "error", "done"]
    families: list[Name] = Field(default_factory=list)
    position: str = ""
    newest_event_time: Moment | None = None
    lag_seconds: float | None = None
    sent: int = 0
    rejected: int = 0
    message: str = ""


class Delivery(Message):
    """One attempt to tell one subscriber of one transition."""

    subscription_id: str
    webhook_id: str
    delivery_sequence: int
    enterprise_id: EnterpriseId
    alert_id: str
    sequence: int
    attempt: int
    status: Literal["delivered", "retrying", "failed"]
    status_code: int | None = None
    error: str = ""
    at: Moment


class Action(Message):
    """One change in the control plane: who did what to which object."""

    action_id: str
    at: Moment
    actor: str
    kind: Name
    object_kind: Name
    object_id: str
    details: dict[str, Any] = Field(default_factory=dict)


#: Every message with the file name of its schema under ``docs/schemas``.
MESSAGES: dict[str, type[Message]] = {
    "signal": Signal,
    "enterprise": Enterprise,
    "finding": Finding,
    "risk": Risk,
    "alert": Alert,
    "metric": MetricRow,
    "dead-letter": DeadLetter,
    "heartbeat": Heartbeat,
    "delivery": Delivery,
    "action": Action,
}
