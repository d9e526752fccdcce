"""Whose fact it is: the enterprise's, or that of another party that the text names.

Chinese puts the bearer of a fact before it, and the nearest wins: in 甲起诉乙拖欠工资 it is 乙 who owes. What is done
by somebody (被乙申请破产) befalls the one before; what one applies for befalls the other. The words that tell so stand
in :mod:`detectors.sentiment.roles`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from enum import Enum
from functools import lru_cache
from typing import Final, NamedTuple

from detectors.sentiment import roles
from detectors.sentiment.names import is_form_of, legal_form, occurrences
from detectors.sentiment.words import CLAUSE_END

#: A comma between digits parts no clauses; a colon does.
_CLAUSE: Final = re.compile(rf"(?:[^{CLAUSE_END}:]|(?<=\d),(?=\d{{3}}))+")


class Who(Enum):
    """Whom a mention or a clause is about."""

    SUBJECT = "subject"
    OTHER = "other"


class Mention(NamedTuple):
    """A party that a clause names, from character ``start`` up to ``end``."""

    start: int
    end: int
    who: Who


class Clause(NamedTuple):
    """A clause, and what is known from those before it.

    Parameters
    ----------
    start
        Where it begins in its text.
    text
        The clause.
    mentions
        The parties that it names, in order.
    topic
        Whom it goes on about where it names nobody.
    patient
        To whom the clause before did something.
    its
        Whom 其 stands for.
    that
        Whom 该公司 stands for.
    creditor
        Whether the subject enforces a claim of its own: a debtor of whom the text tells is another.
    listed
        Whether the next clause says that the subject is one of those whom this one tells of.
    """

    start: int
    text: str
    mentions: Sequence[Mention]
    topic: Who
    patient: Who
    its: Who
    that: Who
    creditor: bool = False
    listed: bool = False


def others_named(text: str) -> bool:
    """Tell whether a normalised text may name another party."""
    return bool(roles.OTHER_HINT.search(text.lower()) and roles.OTHER.search(text))


def mentions(clause: str, names: tuple[str, ...]) -> list[Mention]:
    """Return the parties that a clause names, in its order.

    Examples
    --------
    >>> [mention.who.value for mention in mentions("华远精密起诉某贸易公司拖欠货款", ("华远精密制造有限公司",))]
    ['subject', 'other']
    """
    found: list[Mention] = []
    start = 0
    for at, form in occurrences(clause, names):
        rest = clause[at + len(form) :]
        if at >= start and is_form_of(form, rest, names):
            found.extend(other for other in _others(clause, start, at) if not _introduces(clause, other, at))
            start = at + len(form) + len(legal_form(rest))
            found.append(Mention(at, start, Who.SUBJECT))
    found.extend(_others(clause, start, len(clause)))
    return found if len(found) < 2 else list(_sharing(clause, found))


def _introduces(clause: str, other: Mention, at: int) -> bool:
    """Tell whether what looks like another party only says what the one is whose name begins at ``at``."""
    return other.end == at and bool(roles.APPOSITION.fullmatch(clause, other.start, other.end))


def _others(clause: str, start: int, end: int) -> Iterator[Mention]:
    for match in roles.OTHER.finditer(clause, start, end):
        if roles.HOLDS.search(clause[: match.start()]) and roles.SHARES.match(clause[match.end() :]):
            continue
        if match.group().endswith(("嫌疑人", "嫌犯")) and roles.OWN_SUSPECTS.search(clause[: match.end()]):
            continue
        if match.group().startswith("被告") and roles.IS.search(clause[: match.start()]):
            continue
        yield Mention(match.start(), match.end(), Who.OTHER)


def _sharing(clause: str, found: Sequence[Mention]) -> Iterator[Mention]:
    """Yield mentions; those named together with the subject share what befalls it."""
    who, end = Who.OTHER, 0
    for mention in found:
        between = clause[end : mention.start]
        joined = roles.TOGETHER.match(between) or (
            roles.BOTH.match(between) and roles.SHARE.match(clause[mention.end :])
        )
        who = Who.SUBJECT if who is Who.SUBJECT and joined else mention.who
        end = mention.end
        yield mention._replace(who=who)


@lru_cache(maxsize=16)
def clauses(text: str, names: tuple[str, ...]) -> tuple[Clause, ...]:
    """Return the clauses of a normalised text with their parties.

    A clause that names nobody goes on about the party of the one before; at the beginning that is the subject, unless
    the text names only others.
    """
    parts = [(match.start(), match.group()) for match in _CLAUSE.finditer(text)]
    named = [mentions(part, names) if names else [] for _, part in parts]
    for at, (start, part) in enumerate(parts[:-1]):
        if text.startswith(":", start + len(part)) and _is_only(named[at + 1], parts[at + 1][1]):
            named[at] = [mention._replace(who=Who.SUBJECT) for mention in named[at]]
    everybody = [mention.who for found in named for mention in found]
    listed = {
        at
        for at, (_, part) in enumerate(parts[1:])
        if any(mention.who is Who.SUBJECT for mention in named[at + 1]) and roles.LISTED.search(part)
    }
    topic = Who.OTHER if everybody and Who.SUBJECT not in everybody and roles.NAMED.search(text) else Who.SUBJECT
    patient = its = that = topic
    creditor = Who.SUBJECT in everybody and any(
        _applies(part, found) for (_, part), found in zip(parts, named, strict=True)
    )
    result: list[Clause] = []
    for (start, part), found in zip(parts, named, strict=True):
        result.append(Clause(start, part, found, topic, patient, its, that, creditor, len(result) in listed))
        if found:
            topic, patient = _roles(part, found, topic)
            its = _aimed_at(part, found, roles.AIMS) or topic
            that = found[-1].who if roles.PARTS.search(part) else _aimed_at(part, found, roles.SUES) or topic
        lectures = text.startswith(":", start + len(part)) and roles.LECTURES.search(part)
        creditor_here = roles.AS_CREDITOR.search(part) or _is_creditor(part, found) or _is_owed(part, found)
        if lectures or (topic is Who.SUBJECT and creditor_here):
            topic = its = Who.OTHER
    return tuple(result)


def _is_only(found: Sequence[Mention], clause: str) -> bool:
    """Tell whether a clause is nothing but the enterprise's name: 又一家企业破产:甲公司."""
    return len(found) == 1 and found[0] == (0, len(clause), Who.SUBJECT)


def _is_creditor(clause: str, found: Sequence[Mention]) -> bool:
    """Tell whether a clause names the enterprise as the creditor of another: 申请执行人甲公司与被执行人乙公司."""
    named = [mention for mention in found if mention.who is Who.SUBJECT]
    return bool(named) and bool(roles.CREDITOR.search(clause[: named[0].start]))


def _is_owed(clause: str, found: Sequence[Mention]) -> bool:
    """Tell whether a clause names the enterprise first, as the one whom somebody owes: 欠甲公司货款的老板跑路."""
    if not found or found[0].who is Who.OTHER:
        return False
    owes = roles.OWES_TO.search(clause[: found[0].start])
    return bool(owes) and bool(roles.OWED.match(clause[found[0].end :]))


def _applies(clause: str, found: Sequence[Mention]) -> bool:
    """Tell whether a clause says that the enterprise enforces a claim."""
    for mention in found:
        if mention.who is Who.SUBJECT:
            if roles.FOR_IT.search(clause[: mention.start]) and roles.GAINS.match(clause[mention.end :]):
                return True
            act = roles.APPLICANT.search(clause, mention.end)
            between = clause[mention.end : act.start()] if act else ""
            return bool(act) and not roles.BEFALLS.search(between) and not roles.CLAIMANTS.search(between)
    return False


def _aimed_at(clause: str, found: Sequence[Mention], aims: re.Pattern[str]) -> Who | None:
    """Return at whom the first party's act is aimed, or None: 甲对乙追偿."""
    first, last = found[0], found[-1]
    return last.who if aims.search(clause[first.end : last.start]) else None


def _roles(clause: str, found: Sequence[Mention], before: Who) -> tuple[Who, Who]:
    """Return whom the next clause goes on about, and to whom this one did something."""
    bearing = [
        found[i] for i in range(len(found)) if not _is_agent(clause, found, i) and not _only_owed(clause, found, i)
    ]
    if not bearing:
        return before, before
    first, last = bearing[0], bearing[-1]
    if first.who is Who.SUBJECT and _reports(clause[first.end :]):
        return Who.OTHER, Who.OTHER
    if first.who is Who.OTHER and len(bearing) > 1 and _owes(clause, first, bearing[1], roles.OWES_TO):
        return Who.OTHER, Who.OTHER
    if first.who is Who.OTHER and any(m.who is Who.SUBJECT for m in bearing) and not roles.ACTS.search(clause):
        return Who.SUBJECT, last.who
    return first.who, last.who


def _only_owed(clause: str, found: Sequence[Mention], at: int) -> bool:
    """Tell whether a clause names another party first, as one with whom somebody quarrels or to whom he owes."""
    mention = found[at]
    if at or mention.who is Who.SUBJECT:
        return False
    return bool(roles.OWES.search(clause[: mention.start]) and roles.OWED.match(clause[mention.end :]))


def _reports(act: str) -> bool:
    """Tell whether the words behind a party say that it tells on another one, and is not told on."""
    match = roles.REPORTS.search(act)
    return match is not None and not roles.REPORTED.search(act[: match.start()])


def _is_agent(clause: str, found: Sequence[Mention], at: int, fact: int = -1) -> bool:
    """Tell whether another party only does something to somebody.

    What it claims for itself, 申请破产, is its own: the fact that begins right after it, at ``fact``.
    """
    mention = found[at]
    if mention.who is Who.SUBJECT:
        return False
    since = found[at - 1].end if at else 0
    named = clause[max(since, mention.start - 16) : mention.end]
    return bool(roles.AGENT.search(named)) or (mention.end != fact and bool(roles.CLAIMS.match(clause[mention.end :])))


def bearer(clause: Clause, start: int, end: int) -> Who:
    """Return whose fact it is that a clause reports from ``start`` up to ``end``, counted within the clause.

    Examples
    --------
    >>> (clause,) = clauses("某银行申请对华远精密强制执行", ("华远精密制造有限公司",))
    >>> bearer(clause, 10, 14).value
    'subject'
    """
    text, found = clause.text, clause.mentions
    if clause.listed:
        return Who.SUBJECT
    if _is_owed(text, found) and len(found) == 1:
        return Who.OTHER
    within = [
        mention
        for at, mention in enumerate(found)
        if start < mention.end and mention.start < end and not _is_agent(text, found, at, start)
    ]
    before = [at for at, mention in enumerate(found) if mention.start <= start]
    after = [mention for mention in found if mention.start >= end]
    told_of = _told_of(clause, start, end, after)
    if told_of is not None:
        return told_of
    if clause.creditor and roles.DEBTOR_BESIDE.search(text, max(start - 8, 0), min(end + 10, len(text))):
        return Who.OTHER
    if clause.creditor and not found and roles.COURT.search(text, 0, end) and not roles.BEFALLS.search(text):
        return Who.OTHER
    if roles.CRACKS.match(text, start) and _does_itself(clause, before, start):
        return Who.OTHER
    debtor = roles.DEBTOR.match(text, start)
    if debtor and after and after[0].start == debtor.end():
        return after[0].who
    if roles.AGAINST_IT.search(text[start:end]) and _does_itself(clause, before, start):
        return Who.OTHER
    if within and roles.DOES.match(text[start:end]):
        return within[-1].who
    if before and not after and roles.TOWARDS.search(text[:start]) and roles.DEBTOR.match(text, start):
        return Who.OTHER
    if after and after[0].who is Who.OTHER and roles.OF_NEXT.search(text[end : after[0].start]):
        return Who.OTHER
    if roles.APPLICATION.match(text[end:]) and not roles.OF_INSOLVENCY.search(text[start:end]):
        applicant = found[before[-1]].who if before else clause.topic
        return applicant if roles.AGAINST.search(text[:start]) else _not(applicant)
    applied = _applied(text, start)
    if applied is not None:
        return _target(clause, applied, start, end)
    nearest = _nearest(clause, before, start, end)
    if nearest is not None:
        return nearest
    if after and roles.DOES.match(text[start:end]) and after[0].start - end <= roles.DOES_REACH:
        return after[0].who
    return _left_to_the_topic(clause, start, end)


def _told_of(clause: Clause, start: int, end: int, after: Sequence[Mention]) -> Who | None:
    """Return of whom the noun behind a fact says it, 失信客户, or None where no such noun stands there."""
    text = clause.text
    if roles.DEALT_WITH.match(text[end:]) and _dealt_with(clause, start):
        return Who.OTHER
    # 与欠薪包工头划清界限: the party right behind it, and the enterprise deals with that one.
    if after and after[0].who is Who.OTHER and text[end : after[0].start] in {"", "的"} and _dealt_with(clause, start):
        return Who.OTHER
    noun = roles.ATTRIBUTE.match(text[end:])
    if noun is None or (roles.DOES.match(text[start:end]) and roles.SUFFERING.search(text[:start])):
        return None
    if roles.IS.search(text[:start]) and not _spoken_to(clause, start, roles.DEALS):
        return None
    # 失信企业甲公司: the one that is named next to it.
    return next((mention.who for mention in after if mention.start == end + noun.end()), Who.OTHER)


def _dealt_with(clause: Clause, start: int) -> bool:
    return _spoken_to(clause, start, roles.DEALING)


def _spoken_to(clause: Clause, start: int, deals: re.Pattern[str]) -> bool:
    """Tell whether what begins at ``start`` is said of one whom the party before it deals with: 向被列为 ... 的企业."""
    since = max((mention.end for mention in clause.mentions if mention.end <= start), default=0)
    return bool(deals.match(clause.text[since:start]))


def _does_itself(clause: Clause, before: Sequence[int], start: int) -> bool:
    """Tell whether the enterprise, named last before ``start``, is who acts there, and no creditor of it."""
    if not before or clause.mentions[before[-1]].who is Who.OTHER:
        return False
    between = clause.text[clause.mentions[before[-1]].end : start]
    return not roles.CLAIMANTS.search(between) and not roles.BEFALLS.search(between)


def _nearest(clause: Clause, before: Sequence[int], start: int, end: int) -> Who | None:
    """Return the nearest party of those before a fact that can bear it, or None."""
    text, found = clause.text, clause.mentions
    for at in reversed(before):
        earlier = found[at - 1] if at else None
        if found[at].who is Who.SUBJECT:
            # What another surely owes the enterprise is the other's trouble.
            other = earlier if earlier and earlier.who is Who.OTHER else None
            if other is None or not _owes(text, other, found[at], roles.OWES_TO):
                return _after_act(text, found[at].end, start, end)
        elif not _is_agent(text, found, at, start) and not (earlier and _owes(text[:start], earlier, found[at])):
            own = roles.WITH.search(text[: found[at].end]) and roles.OWN_DOING.match(text, start)
            in_vain = earlier and earlier.who is Who.SUBJECT and roles.IN_VAIN.match(text, found[at].end)
            cause = roles.CAUSE.search(text[: found[at].start]) and roles.CAUSED.match(text[found[at].end : start])
            if not own and not in_vain and not cause:
                return Who.OTHER
    return None


def _left_to_the_topic(clause: Clause, start: int, end: int) -> Who:
    """Return whose fact it is that nobody named before it bears."""
    if any(mention.who is Who.SUBJECT for mention in clause.mentions):
        return Who.SUBJECT
    if not clause.mentions:
        if clause.its is Who.OTHER and roles.ITS.search(clause.text):
            return Who.OTHER
        if clause.that is Who.OTHER and roles.THAT.match(clause.text):
            return Who.OTHER
    return _after_act(clause.text, 0, start, end) if clause.topic is Who.SUBJECT else clause.topic


def acts(clause: Clause, start: int, end: int) -> bool:
    """Tell whether a word from ``start`` up to ``end`` is what the subject does to another party: 起诉, 追讨."""
    if not roles.ACTS.fullmatch(clause.text, start, end) or roles.BEFALLS.search(clause.text[:start]):
        return False
    doing = [mention.who for mention in clause.mentions if mention.end <= start]
    return (doing[-1] if doing else clause.topic) is Who.SUBJECT


def _applied(text: str, start: int) -> int | None:
    """Return where somebody applies for the measure at ``start`` against somebody else, or None."""
    if roles.OF_INSOLVENCY.match(text, start) or "破产" in text[start : start + 24]:
        return None
    if roles.APPLIES_FOR_ENFORCEMENT.match(text, start):
        return start
    match = roles.APPLIES.search(text[:start])
    return match.start() if match and not any(word in match.group() for word in "被遭后") else None


def _target(clause: Clause, applied: int, start: int, end: int) -> Who:
    """Return against whom a measure is applied for."""
    text, found = clause.text, clause.mentions
    aimed = [mention for mention in found if mention.start >= applied and mention.end <= start]
    after = [mention for mention in found if mention.start >= end]
    if aimed:
        return aimed[-1].who
    before = [mention for mention in found if mention.end <= applied]
    if before and roles.AGAINST.search(text[: before[-1].start][-14:]):
        return before[-1].who
    befalls = roles.BEFALLS.search(text, before[0].end if before else 0, applied)
    if befalls:
        struck = [at for at, mention in enumerate(found) if mention.end <= befalls.start()]
        return _nearest(clause, struck, befalls.start(), befalls.start()) or clause.topic
    if "收到" in text[:applied]:
        return before[0].who if before else clause.topic
    if before and roles.AGENT.search(text[: before[0].end]):
        return clause.topic
    if after:
        return after[0].who
    if before:
        return _not(before[-1].who)
    if roles.CLAIMANTS.search(text[:applied]):
        return clause.topic
    return clause.patient if clause.patient is not clause.topic else _not(clause.topic)


def _not(who: Who) -> Who:
    return Who.OTHER if who is Who.SUBJECT else Who.SUBJECT


def _after_act(text: str, since: int, start: int, end: int) -> Who:
    """Return whose fact it is, ``start`` to ``end``, after words that follow the subject from ``since`` on."""
    acts = [act for act in roles.ACTS.finditer(text, since) if act.end() <= start]
    if not acts or roles.TURNS.search(text, acts[-1].start(), end):
        return Who.SUBJECT
    return Who.SUBJECT if roles.PASSIVE.search(text[since : acts[0].start()]) else Who.OTHER


def _owes(text: str, one: Mention, other: Mention, owes: re.Pattern[str] = roles.OWES) -> bool:
    """Tell whether a party owes, or quarrels with, the other one named after it."""
    return bool(owes.search(text[one.end : other.start])) and bool(roles.OWED.match(text[other.end :]))
