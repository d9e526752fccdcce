"""Court records, dishonest debtors and shareholdings of enterprises, some of which left the market.

Everybody is looked at on one date, three months before the exit of those that left, and drawn from these dates for the
others, with the records that were public by then. The risk is that of the product's litigation detectors and fusion.
"""

from __future__ import annotations

import csv
import gzip
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from math import sqrt
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from detectors.calendar import Calendar
from detectors.config import default
from detectors.contract import Context, Event, EventDetector, Profile
from detectors.families import litigation
from detectors.fusion import Held, fuse
from streams.evaluation.scores import auc, auc_interval
from streams.evaluation.suite import Task, unpacking, write_rows
from streams.evidence import Origin, absorb_event

#: Months between the date that an enterprise is looked at and its exit.
_AHEAD = 3
#: The risk of an enterprise of which nothing is known: what shareholdings are weighed against.
_BASE = 0.1
#: Old suits that nobody is told of any more still rank above none at all.
_NEGLIGIBLE = 1e-9
#: Half-life in months, and weights, of the simple sum.
_HALF_LIFE, _SUIT, _OPEN, _RELATED = 4.0, 0.3, 1.0, 1.5
_RESAMPLES = 500
_STRIDE = 500


class Suit(NamedTuple):
    """A lawsuit: month and amount in CNY."""

    month: int
    case: str
    amount: float


class Dishonest(NamedTuple):
    """A dishonest-debtor record: from a month to a month, None: still open."""

    month: int
    case: str
    removed: int | None


class Holding(NamedTuple):
    """A shareholding from a year to a year, None: still held."""

    party: str
    year: int
    ended: int | None


@dataclass(slots=True)
class Records:
    """What is recorded of one enterprise."""

    suits: list[Suit] = field(default_factory=list)
    dishonest: list[Dishonest] = field(default_factory=list)
    investees: list[Holding] = field(default_factory=list)
    investors: list[Holding] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Judged:
    """What is known of one enterprise on its date, and what became of it.

    Parameters
    ----------
    risk
        Of the litigation family, 0 to 1, in the light of the shareholdings.
    family
        The same without the shareholdings.
    simple
        The simple sum that it is compared with.
    standing
        ``open`` or ``closed``: the dishonest-debtor records; empty: none.
    left
        Whether it left the market.
    """

    risk: float
    family: float
    simple: float
    standing: str
    left: bool


def evaluate(task: Task, tell: Callable[[int, int], None]) -> Mapping[str, object]:
    """Return how well the risk ranks those that left the market, beside a simple sum of the same records."""
    exits = _exits(task.file("judicial", "train.csv.gz"))
    dates = draw(exits, task.seed)
    judged: dict[str, Judged] = {}
    population = [(one, records) for one, records in _records(task, dates).items() if counts(records, dates[one])]
    watch = _Watch(exits)
    for number, (enterprise, records) in enumerate(population):
        if number % _STRIDE == 0:
            tell(number, len(population))
        left = exits[enterprise] is not None
        judged[enterprise] = watch.judge(records, dates[enterprise], left=left)
    tell(len(population), len(population))
    if task.out:
        write_rows(task.out, ("id", "score"), ((one, repr(found.risk)) for one, found in judged.items()))
    return _summary(list(judged.values()), task.seed)


def _summary(judged: Sequence[Judged], seed: int) -> Mapping[str, object]:
    risks, simple = np.array([one.risk for one in judged]), np.array([one.simple for one in judged])
    left = np.array([one.left for one in judged])
    low, high = _difference_interval(risks, simple, left, seed)
    rates = {name: [one.left for one in judged if one.standing == name] for name in ("open", "closed")}
    open_rate, closed_rate = (float(np.mean(found)) if found else 0.0 for found in rates.values())
    mine, other = auc(risks, left), auc(simple, left)
    return {
        "auc": round(mine, 4),
        "ci95": [round(edge, 4) for edge in auc_interval(risks, left, seed)],
        "auc_simple_sum": round(other, 4),
        "auc_without_holdings": round(auc([one.family for one in judged], left), 4),
        "auc_difference": round(mine - other, 4),
        "auc_difference_ci95": [round(low, 4), round(high, 4)],
        "lift_open_over_closed": round(open_rate / closed_rate, 2) if closed_rate else None,
        "open": len(rates["open"]),
        "closed": len(rates["closed"]),
        "enterprises": len(judged),
        "exit_rate": round(float(left.mean()), 4),
    }


def _difference_interval(one: Any, other: Any, left: Any, seed: int) -> tuple[float, float]:
    """Return the middle 95 % of the difference of two AUC over resamples of the same enterprises."""
    draw = np.random.default_rng(seed)
    gone, stayed = np.flatnonzero(left), np.flatnonzero(~left)
    found = []
    for _ in range(_RESAMPLES):
        drawn = np.concatenate((draw.choice(gone, len(gone)), draw.choice(stayed, len(stayed))))
        found.append(auc(one[drawn], left[drawn]) - auc(other[drawn], left[drawn]))
    low, high = np.quantile(found, [0.025, 0.975])
    return float(low), float(high)


def draw(exits: Mapping[str, int | None], seed: int) -> dict[str, int]:
    """Return the month in which each enterprise is looked at."""
    dates = [month - _AHEAD for month in exits.values() if month is not None]
    drawn = iter(np.random.default_rng(seed).choice(dates, len(exits) - len(dates)).tolist())
    return {one: next(drawn) if month is None else month - _AHEAD for one, month in exits.items()}


def counts(records: Records, month: int) -> bool:
    """Return whether something is recorded by a month: a suit, a dishonest-debtor record, a holding."""
    return (
        any(suit.month <= month for suit in records.suits)
        or any(record.month <= month for record in records.dishonest)
        or any(holding.year <= month // 12 for holding in records.investees)
    )


class _Watch:
    """The product's litigation detectors and fusion, asked about one enterprise after the other."""

    def __init__(self, exits: Mapping[str, int | None]) -> None:
        self._exits = exits
        self._config = replace(default(), fusion=replace(default().fusion, negligible=_NEGLIGIBLE))
        self._calendar = Calendar()
        found: list[EventDetector] = [d for d in litigation.detectors(self._config) if hasattr(d, "events")]  # type: ignore[misc]  # told by the attribute
        self._detectors = found

    def judge(self, records: Records, month: int, *, left: bool) -> Judged:
        """Return what was known of an enterprise when a month ended."""
        evidence = self._evidence(records, month)
        now = self._calendar.month_start(month + 1)
        family = fuse(evidence, {"litigation": "fresh"}, now, self._config).families.get("litigation", 0.0)
        stands = {held.closed for held in evidence if held.reason == "litigation.dishonest"}
        return Judged(
            (family + _BASE) / sqrt(1 + holdings(records, month)) / (1 + _BASE),
            family,
            self._simple(records, month),
            "open" if False in stands else "closed" if stands else "",
            left,
        )

    def _evidence(self, records: Records, month: int) -> list[Held]:
        evidence: list[Held] = []
        memories = [detector.memory() for detector in self._detectors]
        for number, (at, metric, payload) in enumerate(self._events(records, month)):
            moment = self._calendar.month_start(at)
            event = Event(metric, payload, moment, moment, "evaluation")
            context = Context(moment, self._calendar, Profile(), {}, {})
            origin = Origin(moment, self._calendar.day_of(moment), (0, 0, number, 0), backfill=False)
            for detector, memory in zip(self._detectors, memories, strict=True):
                if metric in detector.events:
                    absorb_event(evidence, detector, detector.judge_one(memory, event, context), origin)
                    detector.learn_one(memory, event, context)
        return evidence

    def _events(self, records: Records, month: int) -> list[tuple[int, str, dict[str, Any]]]:
        """Return what was published by the end of a month, in order: (month, metric, payload)."""
        case = {"role": "defendant", "status": "open"}
        found: list[tuple[int, str, dict[str, Any]]] = [
            (suit.month, "case", {**case, "kind": "filing", "case_no": suit.case, "amount": suit.amount})
            for suit in records.suits
        ]
        for record in records.dishonest:
            payload = {**case, "kind": "dishonest", "case_no": record.case}
            found.append((record.month, "case", payload))
            if record.removed is not None:
                found.append((record.removed, "case", {**payload, "status": "closed"}))
        for relation, holdings in (("investee", records.investees), ("investor", records.investors)):
            for holding in holdings:
                gone = self._gone(holding, month)
                if gone is not None:
                    found.append(
                        (gone, "related_party", {"relation": relation, "status": "left", "party": holding.party})
                    )
        return sorted((one for one in found if one[0] <= month), key=lambda one: one[:2])

    def _gone(self, holding: Holding, month: int) -> int | None:
        """Return when the other side of a holding left the market, if that is known by a month."""
        gone = self._exits.get(holding.party)
        return gone if gone is not None and gone <= month and holding.year <= month // 12 else None

    def _simple(self, records: Records, month: int) -> float:
        suits: float = sum(2.0 ** (-(month - suit.month) / _HALF_LIFE) for suit in records.suits if suit.month <= month)
        stands = sum(r.month <= month and (r.removed is None or r.removed > month) for r in records.dishonest)
        related = [*records.investees, *records.investors]
        gone = sum(self._gone(holding, month) is not None for holding in related)
        return _SUIT * suits + _OPEN * stands + _RELATED * gone


def holdings(records: Records, month: int) -> int:
    """Return in how many enterprises shares were held for certain: those of years before, that had not ended."""
    year = month // 12
    return sum(h.year < year and (h.ended is None or h.ended >= year) for h in records.investees)


# ---- files ---------------------------------------------------------------------------------------------------------


def _rows(path: Path) -> Iterator[tuple[dict[str, str], Callable[[Exception], ValueError]]]:
    """Yield the rows of a table, each with what makes an error that names it."""
    with unpacking(path), gzip.open(path, "rt", encoding="utf-8-sig", newline="") as file:
        reader = csv.DictReader(file)
        for row in reader:
            line = reader.line_num
            yield row, lambda error, line=line: ValueError(f"{path}, line {line}: {error!r}")  # type: ignore[misc]  # mypy cannot infer it


def _exits(path: Path) -> dict[str, int | None]:
    """Return the month in which each enterprise left the market, None: it did not."""
    exits: dict[str, int | None] = {}
    for row, failed in _rows(path):
        try:
            exits[row["EID"]] = _month(row["ENDDATE"]) if row["TARGET"] == "1" else None
        except (KeyError, TypeError, ValueError) as error:
            raise failed(error) from None
    return exits


def _records(task: Task, known: Mapping[str, object]) -> dict[str, Records]:
    found: dict[str, Records] = defaultdict(Records)
    for name, enter in (("lawsuit", _suit), ("breakfaith", _dishonest), ("invest", _holding)):
        for row, failed in _rows(task.file("judicial", f"{name}.csv.gz")):
            try:
                enter(found, row)
            except (KeyError, TypeError, ValueError) as error:
                raise failed(error) from None
    return {enterprise: found[enterprise] for enterprise in known if enterprise in found}


def _suit(found: dict[str, Records], row: Mapping[str, str]) -> None:
    found[row["EID"]].suits.append(Suit(_month(row["LAWDATE"]), row["TYPECODE"], float(row["LAWAMOUNT"] or 0)))


def _dishonest(found: dict[str, Records], row: Mapping[str, str]) -> None:
    removed = _month(row["SXENDDATE"]) if row["SXENDDATE"] else None
    found[row["EID"]].dishonest.append(Dishonest(_month(row["FBDATE"]), row["TYPECODE"], removed))


def _holding(found: dict[str, Records], row: Mapping[str, str]) -> None:
    year, ended = int(float(row["BTYEAR"])), int(float(row["BTENDYEAR"])) if row["BTENDYEAR"] else None
    found[row["EID"]].investees.append(Holding(row["BTEID"], year, ended))
    found[row["BTEID"]].investors.append(Holding(row["EID"], year, ended))


def _month(text: str) -> int:
    """Return the ordinal of a month written as 2015年08月, 2015-08 or 201508."""
    digits = "".join(letter for letter in text.split(".")[0] if letter.isdecimal())
    year, month = int(digits[:4]), int(digits[4:6])
    if not 1 <= month <= 12:
        message = f"{text!r} is no month"
        raise ValueError(message)
    return year * 12 + month - 1
