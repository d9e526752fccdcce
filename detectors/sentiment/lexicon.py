"""What a text says about an enterprise: points of risk and relief, and the facts that are serious for its subject."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Sequence
from functools import cached_property, lru_cache
from typing import Final, NamedTuple

from detectors.sentiment import floors, guards, parties
from detectors.sentiment.names import masked, without_asides
from detectors.sentiment.parties import Who
from detectors.sentiment.terms import RELIEFS, RISKS
from detectors.sentiment.words import trie
from detectors.sentiment.writing import normalise

#: A text without a term has so few points that it is as likely bad news as 1 to 20; see :func:`severity_of`.
_NEUTRAL_POINTS: Final = -3.0
#: The highest severity of what is not a serious fact.
SOFT_CEILING: Final = 0.78
#: The second strongest term counts half, the third a quarter ...
_REPEAT: Final = 0.5
#: Good words count less beside a bad one: 拟投资者减持.
_RELIEF_BESIDE_RISK: Final = 0.5
#: What a term comes to that is denied.
_DENIED: Final = -0.5
#: A detector reads an item twice, once to judge it and once to learn it.
_KEPT: Final = 64


def _entries() -> Iterator[tuple[str, float]]:
    for sign, table in ((-1.0, RELIEFS), (1.0, RISKS)):
        for points, terms in table:
            for term in terms.split():
                yield term.replace("_", " "), sign * points


#: By term: points, below 0 for good news.
TERMS: Final[dict[str, float]] = dict(_entries())
_CUES: Final = frozenset(cue for cues in floors.CUES.values() for cue in cues)
#: By word, a term or a cue: the kinds of serious facts that it is a cue of.
_KINDS: Final = {
    word: frozenset(name for name, cues in floors.CUES.items() if any(cue in word for cue in cues))
    for word in {*TERMS, *_CUES}
}


def _overhang(word: str) -> int:
    """Return how many characters at the end of a word may begin a cue."""
    lengths = range(len(word) - 1, 0, -1)
    return next((n for n in lengths if any(cue.startswith(word[-n:]) and len(cue) > n for cue in _CUES)), 0)


#: 新增逾期 is no 增逾: after such a word the search goes on within it.
_OVERHANGS: Final = {word: n for word in _KINDS if not word.isascii() and (n := _overhang(word))}
#: Chinese has no case; without the flag the search skips ahead to a character with which a word begins.
_CHINESE: Final = re.compile(trie(word for word in _KINDS if not word.isascii()))
_ENGLISH: Final = re.compile(rf"\b(?:{trie(word for word in _KINDS if word.isascii())})", re.IGNORECASE | re.ASCII)
_LETTERS: Final = re.compile(r"[A-Za-z]{4}")


class Reading(NamedTuple):
    """What a text says.

    Parameters
    ----------
    severity
        0 to 1; also a text without a risk has one, however small, and good news has a smaller one.
    hard
        Whether a serious fact about the subject says so.
    term
        The fact's words or the term that weighs most; empty where there is no risk.
    """

    severity: float
    hard: bool
    term: str


def severity_of(points: float) -> float:
    """Return the severity that points of risk, less those of relief, come to.

    Examples
    --------
    >>> [round(severity_of(points), 2) for points in (-2, 0, 3, 5)]
    [0.01, 0.04, 0.39, 0.69]
    """
    return SOFT_CEILING / (1.0 + math.exp(-_NEUTRAL_POINTS - points))


def blended(severity: float, log_odds: float, share: float) -> float:
    """Return a severity moved towards log-odds that a model gave, ``share`` of the way on the logistic scale.

    It stays below :data:`SOFT_CEILING`, so that a model alone makes nothing serious.

    Examples
    --------
    >>> [round(blended(0.1, log_odds, 0.7), 2) for log_odds in (-4.0, 0.0, 4.0)]
    [0.03, 0.28, 0.7]
    """
    own = math.log(severity / (SOFT_CEILING - severity))
    return SOFT_CEILING / (1.0 + math.exp(-max(-30.0, (1.0 - share) * own + share * log_odds)))


#: Neither bad nor good.
NEUTRAL: Final = Reading(severity_of(0.0), False, "")


def read(text: str, names: Sequence[str] = (), other_subject_factor: float = 0.15) -> Reading:
    """Return what a text says about its subject.

    Parameters
    ----------
    text
        Title or body.
    names
        The enterprise's names. What others named in the text suffer, or the enterprise does to them, is not hard, and
        counts by ``other_subject_factor``. Without names everything counts.
    other_subject_factor
        See above.

    Examples
    --------
    >>> read("某纺织厂欠税1200万元并列入非正常户")
    Reading(severity=0.85, hard=True, term='欠税')
    >>> read("公司澄清:不存在债务违约").hard, read("已被移出失信名单").hard
    (False, False)
    >>> read("甲科技有限公司起诉乙贸易有限公司拖欠工资", names=["甲科技有限公司"]).hard
    False
    """
    return _read(text, tuple(names), other_subject_factor)


@lru_cache(maxsize=_KEPT)
def _read(text: str, names: tuple[str, ...], other_subject_factor: float) -> Reading:
    clean = normalise(text)
    found = list(_found(clean))
    if not found:
        return NEUTRAL
    story = _Story(clean, _normalised(names), other_subject_factor)
    kinds = {kind for word, _ in found for kind in _KINDS[word]}
    facts = list(floors.facts(story.told, kinds)) if kinds else []
    worst = max(filter(story.stands, facts), key=lambda fact: fact.kind.severity, default=None)
    if worst is not None:
        return Reading(worst.kind.severity, True, clean[worst.start : worst.end])
    points, term = story.points(found, facts)
    return Reading(severity_of(points), False, term)


@lru_cache(maxsize=4096)
def _normalised(names: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(map(normalise, names))


def _found(text: str) -> Iterator[tuple[str, int]]:
    """Yield the terms and cues of a text and where they begin, Chinese ones first."""
    at = end = 0
    while match := _CHINESE.search(text, at):
        if match.end() <= end:
            at = match.start() + 1
            continue
        word, end = match.group(), match.end()
        yield word, match.start()
        at = end - _OVERHANGS.get(word, 0)
    if _LETTERS.search(text):
        for match in _ENGLISH.finditer(text):
            yield match.group().lower(), match.start()


class _Story:
    """A text by clauses; they are only looked at where something is in doubt."""

    def __init__(self, text: str, names: tuple[str, ...], other_subject_factor: float) -> None:
        self._text, self._names, self._factor = without_asides(text, names), names, other_subject_factor
        self._alone: bool | None = None

    @cached_property
    def told(self) -> str:
        """The text without the enterprise's names: what they are made of says nothing about it."""
        return masked(self._text, self._names) if self._names else self._text

    def stands(self, fact: floors.Fact) -> bool:
        """Tell whether a fact is the subject's, and neither denied nor over."""
        clause = self._clause(fact.start)
        span = clause.start, clause.start + len(clause.text)
        if guards.taken_back(fact.kind.name, self.told, span, fact.start, fact.end):
            return False
        return parties.bearer(clause, fact.start - clause.start, fact.end - clause.start) is Who.SUBJECT

    def points(self, found: Sequence[tuple[str, int]], facts: Sequence[floors.Fact]) -> tuple[float, str]:
        """Return the points of a text's terms, each counted once, and the term of most.

        Parameters
        ----------
        found
            The terms and where they begin.
        facts
            Serious facts that do not stand; the terms in them count as another's.
        """
        own: dict[str, float] = {}
        others = 0.0
        for term, start in found:
            points = TERMS.get(term, 0.0)
            if points > 0 and guards.denied(self._text, start):
                points = _DENIED
            elif points > 0 and (any(fact.start <= start < fact.end for fact in facts) or self._is_others(term, start)):
                others, points = max(others, points * self._factor), 0.0
            if abs(points) > abs(own.get(term, 0.0)):
                own[term] = points
        risks = sorted((points for points in own.values() if points > 0), reverse=True)
        reliefs = sorted(points for points in own.values() if points < 0)
        worst = max(own, key=lambda term: own[term]) if risks else ""
        return _sum(risks) + _sum(reliefs) * (_RELIEF_BESIDE_RISK if risks else 1.0) + others, worst

    def _is_others(self, term: str, start: int) -> bool:
        """Tell whether a term says something of another party, or what the enterprise does to it."""
        if self._alone is None:
            self._alone = not self._names or not parties.others_named(self._text)
        if self._alone:
            return False
        clause = self._clause(start)
        at = start - clause.start
        return parties.bearer(clause, at, at + len(term)) is Who.OTHER or parties.acts(clause, at, at + len(term))

    def _clause(self, at: int) -> parties.Clause:
        every = parties.clauses(self._text, self._names)
        return next(clause for clause in reversed(every) if clause.start <= at)


def _sum(points: Sequence[float]) -> float:
    return sum(value * _REPEAT**rank for rank, value in enumerate(points))
