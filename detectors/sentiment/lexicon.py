"""What a text says about an enterprise: risk terms with severities, negation, and whom a clause is about.

A *hard* term counts as serious for its subject whatever a model may say.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from typing import Final, NamedTuple

from detectors.sentiment.terms import HARD, SOFT

#: Up to this many characters before a term may negate it.
_REACH: Final = 6
_BEFORE: Final = re.compile(
    r"(?:不存在|不涉及|未发生|未发现|未被|没有|并无|并未|无任何|否认|澄清|辟谣|不实|不属实|移出|移除|解除|撤销|撤回|摘除|退出|免于"
    r"|(?:no|not|denies|denied|without)\s+)[^，。；！？,;!?]{0,4}$",
    re.IGNORECASE,
)
_AFTER: Final = re.compile(
    r"^[^，。；！？,;!?]{0,6}?(?:传闻不实|不实|不属实|系谣言|为谣言|已解除|被解除|获解除|解除|已撤销|被撤销|撤销|已撤回|被撤回|撤回|被驳回"
    r"|已全部|已补缴|已恢复|应急演练|演练|防范|警示教育|已结清|已还清|已清偿|已缴清|已偿还|全部兑付|已化解|denied)",
    re.IGNORECASE,
)
_CLAUSE: Final = re.compile(r"[，。；！？、\n,;!?]|\.\s")
#: A name of a company, up to its legal form.
_COMPANY: Final = re.compile(
    r"[\u4e00-\u9fff（）()A-Za-z0-9]{2,24}?(?:股份有限公司|有限责任公司|有限公司|集团|公司|厂|银行|合作社)"
)
#: Right after its name, these make an enterprise the one that acts and not the one that is acted upon.
_ACTS: Final = re.compile(
    r"^[^，。；被遭]{0,4}?(?:起诉|状告|诉|申请执行|申请强制执行|申请冻结|申请将|向法院申请|追讨|追索|申请对)"
)
_FORMS: Final = re.compile(r"(?:股份有限公司|有限责任公司|有限公司|集团|公司)$")
_COMPANY_FORM: Final = re.compile(r"^(?:股份有限公司|有限责任公司|有限公司|集团|公司)")


def _entries() -> Iterator[tuple[str, tuple[float, bool]]]:
    for table, hard in ((SOFT, False), (HARD, True)):
        for severity, terms in table:
            for term in terms.split():
                yield term.replace("_", " "), (severity, hard)


#: By term: severity, and whether it is hard.
TERMS: Final[dict[str, tuple[float, bool]]] = dict(_entries())


def _pattern(terms: Iterable[str], flags: re.RegexFlag = re.NOFLAG) -> re.Pattern[str]:
    """Return what finds the longest of some terms."""
    return re.compile("|".join(map(re.escape, sorted(terms, key=len, reverse=True))), flags)


#: Chinese has no case; without the flag the search skips ahead to a character with which a term begins.
_CHINESE: Final = _pattern(term for term in TERMS if not term.isascii())
_ENGLISH: Final = _pattern((term for term in TERMS if term.isascii()), re.IGNORECASE | re.ASCII)
_LETTER: Final = re.compile(r"[A-Za-z]")
#: A detector reads an item twice, once to judge it and once to learn it.
_KEPT: Final = 64


class Reading(NamedTuple):
    """What a text says: severity 0 to 1, whether a hard term says so, and the term that weighs most."""

    severity: float
    hard: bool
    term: str


#: Nothing bad.
NEUTRAL: Final = Reading(0.0, False, "")


def normalise(text: str) -> str:
    """Return a text with full-width characters made narrow and invisible ones dropped."""
    lines = unicodedata.normalize("NFKC", text).split("\n")
    return "\n".join(line if line.isprintable() else "".join(filter(str.isprintable, line)) for line in lines)


def read(text: str, names: Sequence[str] = (), other_subject_factor: float = 0.15) -> Reading:
    """Return the worst that a text says about its subject.

    Parameters
    ----------
    text
        Title or body.
    names
        The enterprise's names. A clause that names only other companies, or in which the enterprise itself sues or
        enforces, counts by ``other_subject_factor`` and is not hard. Without names every clause counts.
    other_subject_factor
        See above.

    Examples
    --------
    >>> read("某纺织厂欠税1200万元并列入非正常户")
    Reading(severity=0.85, hard=True, term='欠税')
    >>> read("公司澄清:不存在债务违约"), read("已被移出失信名单").hard
    (Reading(severity=0.0, hard=False, term=''), False)
    >>> read("甲科技有限公司起诉乙贸易有限公司拖欠货款", names=["甲科技有限公司"]).severity < 0.1
    True
    """
    return _read(text, tuple(names), other_subject_factor)


@lru_cache(maxsize=_KEPT)
def _read(text: str, names: tuple[str, ...], other_subject_factor: float) -> Reading:
    clean = normalise(text)
    if not _found(clean):
        return NEUTRAL  # most texts; no clause need be looked at
    shorts = [short for short in (_FORMS.sub("", normalise(name)) for name in names) if len(short) > 1]
    worst = NEUTRAL
    clauses, seen, about_others = list(_clauses(clean)), 0, False
    for number, (start, clause) in enumerate(clauses, 1):
        matches = _found(clause)
        if matches:
            about_others, seen = _about_others(clauses[seen:number], shorts, about_others), number
        for match in matches:
            severity, hard = TERMS[_term(match.group())]
            if about_others:
                severity, hard = severity * other_subject_factor, False
            if severity > worst.severity and not _negated(clean, start + match.start(), start + match.end()):
                worst = Reading(severity, hard, match.group())
    return worst


def _found(text: str) -> list[re.Match[str]]:
    """Return the terms in a text, in its order."""
    found = list(_CHINESE.finditer(text))
    if _LETTER.search(text):
        found = sorted([*found, *_ENGLISH.finditer(text)], key=re.Match.start)
    return found


def _term(found: str) -> str:
    return found if found in TERMS else found.lower()


def _clauses(text: str) -> Iterator[tuple[int, str]]:
    start = 0
    for match in _CLAUSE.finditer(text):
        yield start, text[start : match.start()]
        start = match.end()
    yield start, text[start:]


def _about_others(clauses: Sequence[tuple[int, str]], shorts: Sequence[str], before: bool) -> bool:
    """Tell whether the last of some clauses is about someone else; one that names nobody goes on from the one before.

    ``before`` is the answer where none of them names anybody.
    """
    if not shorts:
        return False
    for _, clause in reversed(clauses):
        for short in shorts:
            at = clause.find(short)
            if at >= 0:
                rest = _COMPANY_FORM.sub("", clause[at + len(short) :], count=1)
                return bool(_ACTS.match(rest))
        if _COMPANY.search(clause):
            return True
    return before


def _negated(text: str, start: int, end: int) -> bool:
    before = text[max(start - _REACH - 6, 0) : start]
    return bool(_BEFORE.search(before) or _AFTER.match(text[end : end + 12]))
