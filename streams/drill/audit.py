"""What a stack that has come to rest holds, compared with what it was given: lost, doubled, different."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, fields
from typing import Any, NamedTuple

from connectors.kafka.admin import connected
from connectors.topics import ALERTS, INPUTS
from connectors.webhook import Receiver
from streams.journal import Comparison, NotQuietError, replay_journal
from streams.private import PrivateStack

_SHOWN = 20


class Place(NamedTuple):
    """Where a record stands."""

    topic: str
    partition: int
    offset: int


class Told(NamedTuple):
    """What identifies a transition, and what it says."""

    enterprise_id: str
    sequence: int
    alert_id: str
    transition: str
    level: str


@dataclass(slots=True)
class Ledger:
    """What Kafka has acknowledged to us, since the stack was made.

    Parameters
    ----------
    signals
        By source, how many signals, each with an id of its own.
    poison
        Where records stand that are no signals.
    """

    signals: Counter[str] = field(default_factory=Counter)
    poison: set[Place] = field(default_factory=set)

    @property
    def sent(self) -> int:
        """How much was sent in all."""
        return self.signals.total() + len(self.poison)


@dataclass(frozen=True, slots=True)
class Account:
    """What a stack holds, since it was made.

    Parameters
    ----------
    sent
        Signals and poisoned records that Kafka acknowledged to the sender.
    scored
        Messages in the records that the journal says were applied or put aside.
    lost
        Acknowledged signals that are neither in ClickHouse nor dead letters, records that the journal passes over, and
        alerts that are not in ClickHouse or that no webhook told.
    duplicate_alert_ids
        Transitions that stand more than once in the topic or in ClickHouse, came with two webhook ids, or are told
        without being in the topic.
    state_mismatches
        Differences that a replay of the journal finds, and gaps in the numbering of transitions and of deliveries.
    alerts
        Transitions in the topic.
    dead_letters
        Records that were put aside.
    differences
        The first of what is wrong, in words.
    """

    sent: int = 0
    scored: int = 0
    lost: int = 0
    duplicate_alert_ids: int = 0
    state_mismatches: int = 0
    alerts: int = 0
    dead_letters: int = 0
    differences: tuple[str, ...] = ()

    def since(self, before: Account) -> dict[str, Any]:
        """Return what was added to an earlier account of the same stack."""
        known = set(before.differences)
        fresh = [text for text in self.differences if text not in known]
        numbers = [one.name for one in fields(self) if one.name != "differences"]
        added: dict[str, Any] = {name: getattr(self, name) - getattr(before, name) for name in numbers}
        return added | ({"differences": fresh} if fresh else {})


class Wrong(NamedTuple):
    """Something that is wrong: how many, and what."""

    number: int
    text: str


class Held(NamedTuple):
    """What a stack and its receiver hold.

    Parameters
    ----------
    told, stored
        Transitions in the topic, and in ClickHouse.
    heard
        Transitions that came to the receiver, in the order of arrival, with webhook id and delivery sequence; attempts
        that it refused, too.
    signals
        Signals in ClickHouse, by source.
    letters
        Places of records in the dead letters of ClickHouse.
    records
        How many records the input topics have.
    """

    told: list[Told]
    stored: list[Told]
    heard: list[tuple[Told, str, int]]
    signals: Counter[str]
    letters: set[Place]
    records: int


def audit(stack: PrivateStack, receiver: Receiver, ledger: Ledger) -> Account:
    """Audit a stack at rest; every enterprise is subscribed to by the receiver, from the lowest level up."""
    return account(ledger, _look(stack, receiver), _replay(stack))


def account(ledger: Ledger, held: Held, replayed: Comparison) -> Account:
    """Compare what was sent with what is held and with what a replay of the journal finds."""
    lost = [*_unaccounted(ledger, held), *_passed_over(held, replayed), *_missing(held)]
    doubled = _doubled(held)
    different = [
        *_gaps("transitions", ((one.enterprise_id, one.sequence) for one in held.told)),
        *_gaps("deliveries", ((one.enterprise_id, sequence) for one, _, sequence in held.heard)),
        *(Wrong(1, f"partition group {group} cannot be replayed: inputs are gone") for group in replayed.unreplayable),
    ]
    texts = [*replayed.differences, *(wrong.text for wrong in (*lost, *doubled, *different))]
    return Account(
        sent=ledger.sent,
        scored=replayed.messages,
        lost=_total(lost),
        duplicate_alert_ids=_total(doubled),
        state_mismatches=replayed.mismatches.total() + _total(different),
        alerts=len(held.told),
        dead_letters=len(held.letters),
        differences=tuple(texts[:_SHOWN]),
    )


def _replay(stack: PrivateStack) -> Comparison:
    def replayed() -> Comparison | None:
        try:
            return replay_journal(stack.endpoints, stack.settings)
        except NotQuietError:  # the scorers tick on the minute
            return None

    return stack.wait_for("a stack at rest", replayed)


def _look(stack: PrivateStack, receiver: Receiver) -> Held:
    with connected(stack.endpoints.kafka) as admin:
        records = sum(sum(ends.values()) for ends in admin.end_offsets(INPUTS).values())
    heard = []
    for request in receiver.requests:
        data = json.loads(request.body)["data"]
        heard.append((_told(data), request.headers["webhook-id"], int(data["delivery_sequence"])))
    with stack.client() as client:
        history = client.query(
            "SELECT enterprise_id, sequence, alert_id, toString(transition), toString(level) FROM alert_history"
        )
        signals = client.query("SELECT source, count() FROM signals FINAL GROUP BY source")
        letters = client.query("SELECT DISTINCT of_topic, of_partition, of_offset FROM dead_letters")
        return Held(
            told=[_told(json.loads(row.value or b"{}")) for row in stack.records(ALERTS)],
            stored=[Told(*row) for row in history.result_rows],
            heard=heard,
            signals=Counter({str(row[0]): int(row[1]) for row in signals.result_rows}),
            letters={Place(*row) for row in letters.result_rows},
            records=records,
        )


def _told(alert: Mapping[str, Any]) -> Told:
    return Told(*(alert[name] for name in Told._fields))


def _unaccounted(ledger: Ledger, held: Held) -> Iterator[Wrong]:
    """Yield what was acknowledged to the sender and is nowhere."""
    for source, sent in ledger.signals.items():
        missing = sent - held.signals[source]
        if missing > 0:
            yield Wrong(missing, f"{missing} of {sent} signals of {source} are not in ClickHouse")
    for place in sorted(ledger.poison - held.letters):
        yield Wrong(1, f"{place} is no signal and no dead letter tells so")


def _passed_over(held: Held, replayed: Comparison) -> Iterator[Wrong]:
    if held.records > replayed.records:
        missing = held.records - replayed.records
        yield Wrong(missing, f"the journal has {replayed.records} of {held.records} records")


def _missing(held: Held) -> Iterator[Wrong]:
    heard = {one for one, _, _ in held.heard}
    for one in sorted(set(held.told) - set(held.stored)):
        yield Wrong(1, f"{one} is not in ClickHouse")
    for one in sorted(set(held.told) - heard):
        yield Wrong(1, f"{one} reached no receiver")


def _doubled(held: Held) -> list[Wrong]:
    ids: defaultdict[Told, set[str]] = defaultdict(set)
    for one, webhook_id, _ in held.heard:
        ids[one].add(webhook_id)
    told = set(held.told)
    return [
        *(Wrong(n - 1, f"{one} stands {n} times in Kafka") for one, n in Counter(held.told).items() if n > 1),
        *(Wrong(n - 1, f"{one} stands {n} times in ClickHouse") for one, n in Counter(held.stored).items() if n > 1),
        *(Wrong(1, f"{one} came with {len(found)} webhook ids") for one, found in ids.items() if len(found) > 1),
        *(Wrong(1, f"{one} is in ClickHouse and not in Kafka") for one in set(held.stored) - told),
        *(Wrong(1, f"{one} was told and is not in Kafka") for one in ids.keys() - told),
    ]


def _gaps(what: str, numbered: Iterable[tuple[str, int]]) -> Iterator[Wrong]:
    """Yield the enterprises whose numbers are not 1, 2, 3 … when each is looked at where it came first."""
    sequences: defaultdict[str, dict[int, None]] = defaultdict(dict)
    for enterprise, sequence in numbered:
        sequences[enterprise].setdefault(sequence)
    for enterprise, seen in sequences.items():
        if list(seen) != list(range(1, len(seen) + 1)):
            yield Wrong(1, f"the {what} of {enterprise} are not numbered 1, 2, 3 …: {list(seen)[:10]}")


def _total(found: Iterable[Wrong]) -> int:
    return sum(wrong.number for wrong in found)
