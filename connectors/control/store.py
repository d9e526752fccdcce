"""The control store: what officers and subscribers do, and what is still to be delivered to whom.

Every method is one transaction, blocking, and safe from several threads and processes; it may raise ``AWAY``. Every
change writes its messages for Kafka into the outbox in the same transaction. Times are milliseconds since the epoch and
given by the caller.
"""

from __future__ import annotations

import secrets
from collections.abc import Collection, Iterable, Sequence
from datetime import UTC, datetime
from typing import Any, TypeAlias, TypeVar
from urllib.parse import urlsplit

from pydantic import JsonValue, SecretStr
from sqlalchemy import Connection, Row, and_, delete, func, insert, or_, select, update

from connectors.control import schema
from connectors.control.engine import open_engine, reading, upgrade, writing
from connectors.control.records import (
    Acknowledgement,
    Attempt,
    DeliveryState,
    Outgoing,
    Outlook,
    Pending,
    Subscription,
    Work,
)
from connectors.models import Action, Delivery, Level
from connectors.topics import ACTIONS, DELIVERIES

#: Values in one SQL statement; SQLite allows 32,766.
_CHUNK = 10_000
_T = TypeVar("_T")
_Row: TypeAlias = "Row[*tuple[Any, ...]]"


class UnknownObjectError(LookupError):
    """There is no object with this id: list what there is."""


class ControlStore:
    """The control plane's state in SQLite or PostgreSQL.

    Parameters
    ----------
    url
        ``sqlite:////absolute/path/control.db`` or ``postgresql://user:password@host/database``. It connects when first
        used; call ``upgrade`` before anything else.
    """

    def __init__(self, url: str) -> None:
        self._engine = open_engine(url)

    def upgrade(self) -> None:
        """Create or bring up to date the tables; harmless at every start and from several processes at once."""
        upgrade(self._engine)

    def close(self) -> None:
        """Close the connections; the store may be used again afterwards."""
        self._engine.dispose()

    # Subscriptions

    def add_subscription(
        self,
        url: str,
        secret: str,
        *,
        actor: str,
        now_ms: int,
        minimum_level: Level = Level.BLUE,
        enterprises: Collection[str] | None = None,
    ) -> Subscription:
        """Add an active subscription; it hears of what the notifier reads from now on.

        The caller has checked the URL (``connectors.webhook.guard``) and the secret (``connectors.webhook.signature``).

        Parameters
        ----------
        enterprises
            The portfolio; None stands for every enterprise.
        """
        subscription_id = f"sub_{secrets.token_hex(12)}"
        portfolio = None if enterprises is None else frozenset(enterprises)
        with writing(self._engine) as connection:
            connection.execute(
                insert(schema.subscriptions).values(
                    subscription_id=subscription_id,
                    url=url,
                    secret=secret,
                    minimum_level=minimum_level.value,
                    all_enterprises=portfolio is None,
                    active=True,
                    created_at=now_ms,
                    created_by=actor,
                )
            )
            if portfolio:
                connection.execute(
                    insert(schema.subscription_enterprises),
                    [{"subscription_id": subscription_id, "enterprise_id": one} for one in sorted(portfolio)],
                )
            details: dict[str, JsonValue] = {
                "url": shown_url(url),
                "minimum_level": minimum_level.value,
                "enterprises": None if portfolio is None else len(portfolio),
            }
            _act(connection, now_ms, actor, "subscription.added", "subscription", subscription_id, details)
        return self.subscription(subscription_id)

    def subscription(self, subscription_id: str) -> Subscription:
        """Return one subscription with its portfolio.

        Raises
        ------
        UnknownObjectError
            If there is none of this id.
        """
        found = [one for one in self.subscriptions(ended=True) if one.subscription_id == subscription_id]
        if not found:
            raise UnknownObjectError(_no_subscription(subscription_id))
        return found[0]

    def subscriptions(self, *, ended: bool = False) -> list[Subscription]:
        """Return the subscriptions with their portfolios, oldest first.

        Parameters
        ----------
        ended
            Whether to return those too that are no longer active.
        """
        table, members = schema.subscriptions, schema.subscription_enterprises
        query = select(table).order_by(table.c.created_at, table.c.subscription_id)
        with reading(self._engine) as connection:
            rows = connection.execute(query if ended else query.where(table.c.active)).all()
            portfolios = connection.execute(select(members.c.subscription_id, members.c.enterprise_id)).all()
        return _subscriptions(rows, portfolios)

    def watching(self, enterprise_ids: Collection[str]) -> list[Subscription]:
        """Return the active subscriptions; of their portfolios only the part among these enterprises."""
        table, members = schema.subscriptions, schema.subscription_enterprises
        query = select(table).where(table.c.active).order_by(table.c.created_at, table.c.subscription_id)
        with reading(self._engine) as connection:
            rows = connection.execute(query).all()
            portfolios = [
                row
                for chunk in _chunks(sorted(set(enterprise_ids)))
                for row in connection.execute(
                    select(members.c.subscription_id, members.c.enterprise_id).where(members.c.enterprise_id.in_(chunk))
                )
            ]
        return _subscriptions(rows, portfolios)

    def deactivate_subscription(
        self, subscription_id: str, *, actor: str, now_ms: int, reason: str = "removed"
    ) -> bool:
        """End a subscription: nothing more is sent, and what waits is cancelled.

        Returns
        -------
        Whether it was active; ending it a second time changes nothing.

        Raises
        ------
        UnknownObjectError
            If there is none of this id.
        """
        table = schema.subscriptions
        with writing(self._engine) as connection:
            known = connection.execute(select(table.c.active).where(table.c.subscription_id == subscription_id)).first()
            if known is None:
                raise UnknownObjectError(_no_subscription(subscription_id))
            if known.active:
                _end_subscription(connection, subscription_id, actor, now_ms, reason)
            return bool(known.active)

    # Acknowledgements

    def acknowledge(self, alert_id: str, enterprise_id: str, actor: str, note: str, *, now_ms: int) -> Acknowledgement:
        """Note that someone has seen an alert; a second time adds a second note."""
        with writing(self._engine) as connection:
            connection.execute(
                insert(schema.acknowledgements).values(
                    alert_id=alert_id, enterprise_id=enterprise_id, actor=actor, note=note, at=now_ms
                )
            )
            details: dict[str, JsonValue] = {"enterprise_id": enterprise_id, "note": note}
            _act(connection, now_ms, actor, "alert.acknowledged", "alert", alert_id, details)
        return Acknowledgement(alert_id, enterprise_id, actor, note, now_ms)

    def acknowledgements(self, alert_ids: Iterable[str]) -> dict[str, tuple[Acknowledgement, ...]]:
        """Return the acknowledgements of these alerts, oldest first; alerts without one are left out."""
        table = schema.acknowledgements
        found: dict[str, tuple[Acknowledgement, ...]] = {}
        with reading(self._engine) as connection:
            for chunk in _chunks(sorted(set(alert_ids))):
                for row in connection.execute(
                    select(table).where(table.c.alert_id.in_(chunk)).order_by(table.c.number)
                ):
                    one = Acknowledgement(row.alert_id, row.enterprise_id, row.actor, row.note, row.at)
                    found[row.alert_id] = (*found.get(row.alert_id, ()), one)
        return found

    # The delivery queue

    def enqueue(self, works: Sequence[Work], *, now_ms: int, refused: Sequence[Action] = ()) -> int:
        """Queue transitions in the order given, all or none; what was queued before is left alone.

        A transition is queued once for each subscription, however often it is read: per (subscription, enterprise)
        only a higher ``sequence`` than the last one queued is accepted.

        Parameters
        ----------
        refused
            Actions about records that could not be read; relayed in the same transaction.

        Returns
        -------
        How many were new.
        """
        with writing(self._engine) as connection:
            for action in refused:
                _put(connection, ACTIONS, action.object_id, action.wire())
            return sum(_enqueue(connection, work, now_ms) for work in works)

    def due(self, now_ms: int, per_subscription: int) -> list[Pending]:
        """Return the deliveries whose turn it is: the head of each (subscription, enterprise), if its time has come.

        Parameters
        ----------
        per_subscription
            Most of one subscription; its earliest. The first of every subscription comes before the second of any.
        """
        table, owners = schema.deliveries, schema.subscriptions
        place = func.row_number().over(
            partition_by=table.c.subscription_id, order_by=(table.c.due_at, table.c.webhook_id)
        )
        ranked = select(table.c.webhook_id, place.label("place")).where(table.c.due_at <= now_ms).subquery()
        query = (
            select(table, owners.c.url, owners.c.secret)
            .join(ranked, ranked.c.webhook_id == table.c.webhook_id)
            .join(owners, owners.c.subscription_id == table.c.subscription_id)
            .where(ranked.c.place <= per_subscription)
            .order_by(ranked.c.place, table.c.due_at, table.c.webhook_id)
        )
        with reading(self._engine) as connection:
            return [_pending(row) for row in connection.execute(query)]

    def next_due(self) -> int | None:
        """Return when the next delivery is due, in milliseconds since the epoch; None if none waits."""
        with reading(self._engine) as connection:
            found: int | None = connection.execute(select(func.min(schema.deliveries.c.due_at))).scalar_one()
        return found

    def waiting(self) -> tuple[int, int | None]:
        """Return how many deliveries wait, and since when the oldest does, in milliseconds since the epoch."""
        table = schema.deliveries
        query = select(func.count(), func.min(table.c.created_at)).where(
            table.c.state == DeliveryState.WAITING, table.c.finished_at.is_(None)
        )
        with reading(self._engine) as connection:
            count, oldest = connection.execute(query).one()
        return count, oldest

    def record_attempt(self, webhook_id: str, attempt: Attempt, *, gone_for: str | None = None) -> Delivery | None:
        """Note how an attempt ended, in the queue and in the outbox for topic ``deliveries``.

        ``delivered`` and ``failed`` let the next delivery of the same (subscription, enterprise) go.

        Parameters
        ----------
        gone_for
            Who ends the whole subscription with this attempt, because the receiver wants no more.

        Returns
        -------
        The message; None if the delivery had ended meanwhile, in which case nothing is changed.
        """
        table = schema.deliveries
        with writing(self._engine) as connection:
            row = connection.execute(select(table).where(table.c.webhook_id == webhook_id)).first()
            if row is None or row.state != DeliveryState.WAITING:
                return None
            message = _delivery(row, attempt)
            connection.execute(
                insert(schema.attempts).values(
                    webhook_id=webhook_id,
                    attempt=message.attempt,
                    at=attempt.at,
                    took_ms=attempt.took_ms,
                    status=attempt.status,
                    status_code=attempt.status_code,
                    reason=attempt.reason,
                    retry_at=attempt.retry_at,
                )
            )
            changed: dict[str, Any] = {"attempts": message.attempt, "due_at": attempt.retry_at}
            if attempt.status != "retrying":
                changed |= {"state": attempt.status, "due_at": None, "finished_at": attempt.at}
            connection.execute(update(table).where(table.c.webhook_id == webhook_id).values(changed))
            if attempt.status != "retrying":
                _let_next_go(connection, row.subscription_id, row.enterprise_id, attempt.at)
            _put(connection, DELIVERIES, message.subscription_id, message.wire())
            if gone_for is not None:
                _end_subscription(connection, row.subscription_id, gone_for, attempt.at, "gone")
        return message

    def attempts(self, webhook_id: str) -> list[Attempt]:
        """Return the attempts of one delivery, the first first."""
        table = schema.attempts
        with reading(self._engine) as connection:
            rows = connection.execute(select(table).where(table.c.webhook_id == webhook_id).order_by(table.c.attempt))
            return [_attempt(row) for row in rows]

    def delivery_counts(self) -> dict[str, dict[DeliveryState, int]]:
        """Return, per subscription, how many of its deliveries are in which state."""
        table = schema.deliveries
        query = select(table.c.subscription_id, table.c.state, func.count().label("how_many")).group_by(
            table.c.subscription_id, table.c.state
        )
        counts: dict[str, dict[DeliveryState, int]] = {}
        with reading(self._engine) as connection:
            for row in connection.execute(query):
                counts.setdefault(row.subscription_id, {})[DeliveryState(row.state)] = row.how_many
        return counts

    def outlooks(self) -> dict[str, Outlook]:
        """Return how delivering goes, for each subscription with an attempt that failed or a delivery that waits."""
        queue, tried = schema.deliveries, schema.attempts
        newest = func.row_number().over(
            partition_by=queue.c.subscription_id, order_by=(tried.c.at.desc(), tried.c.attempt.desc())
        )
        failures = (
            select(tried, queue.c.subscription_id, newest.label("place"))
            .join(queue, queue.c.webhook_id == tried.c.webhook_id)
            .where(tried.c.status != "delivered")
            .subquery()
        )
        waits = select(queue.c.subscription_id, func.min(queue.c.due_at).label("next_due")).group_by(
            queue.c.subscription_id
        )
        with reading(self._engine) as connection:
            failed = {
                row.subscription_id: row for row in connection.execute(select(failures).where(failures.c.place == 1))
            }
            due = {row.subscription_id: row.next_due for row in connection.execute(waits) if row.next_due is not None}
        return {
            one: Outlook(_attempt(failed[one]) if one in failed else None, due.get(one)) for one in failed.keys() | due
        }

    def prune(self, before_ms: int) -> int:
        """Forget deliveries that ended before a time, with their attempts; return how many.

        What was queued stays known: nothing is queued a second time.
        """
        table = schema.deliveries
        with writing(self._engine) as connection:
            return connection.execute(delete(table).where(table.c.finished_at < before_ms)).rowcount

    # The outbox

    def pending_actions(self, limit: int = 500) -> list[Outgoing]:
        """Return the oldest messages that wait for Kafka, in the order of their transactions."""
        table = schema.outbox
        with reading(self._engine) as connection:
            rows = connection.execute(select(table).order_by(table.c.number).limit(limit))
            return [Outgoing(row.number, row.topic, bytes(row.key), bytes(row.value)) for row in rows]

    def mark_relayed(self, messages: Sequence[Outgoing]) -> None:
        """Drop messages from the outbox once Kafka has acknowledged them."""
        table = schema.outbox
        with writing(self._engine) as connection:
            for chunk in _chunks([message.number for message in messages]):
                connection.execute(delete(table).where(table.c.number.in_(chunk)))

    # Leases

    def lease(self, name: str, owner: str, *, now_ms: int, for_ms: int) -> bool:
        """Take or renew a lease; return whether it is the owner's until ``now_ms + for_ms``.

        The clocks of the machines that share a lease must agree within a few seconds.
        """
        table = schema.leases
        values = {"owner": owner, "expires_at": now_ms + for_ms}
        with writing(self._engine) as connection:
            held = connection.execute(select(table).where(table.c.name == name)).first()
            if held is None:
                connection.execute(insert(table).values(name=name, **values))
                return True
            free = or_(table.c.owner == owner, table.c.expires_at <= now_ms)
            taken = connection.execute(update(table).where(and_(table.c.name == name, free)).values(values))
            return taken.rowcount == 1

    def release(self, name: str, owner: str) -> None:
        """Give a lease back, if it is the owner's."""
        table = schema.leases
        with writing(self._engine) as connection:
            connection.execute(delete(table).where(and_(table.c.name == name, table.c.owner == owner)))


def shown_url(url: str) -> str:
    """Return an address as it may be shown: without user, path and query, where tokens are often put.

    Examples
    --------
    >>> shown_url("https://bob:pw@hooks.example.com:8443/services/T0/secret?key=1")
    'https://hooks.example.com:8443/…'
    """
    parts = urlsplit(url)
    host = parts.netloc.rpartition("@")[2]
    rest = "/…" if parts.path.strip("/") or parts.query else ""
    return f"{parts.scheme}://{host}{rest}"


def _no_subscription(subscription_id: str) -> str:
    return f"there is no subscription {subscription_id}: see `forewarn subscribe --list`"


def _chunks(values: Sequence[_T]) -> Iterable[Sequence[_T]]:
    return (values[start : start + _CHUNK] for start in range(0, len(values), _CHUNK))


def _subscriptions(rows: Iterable[_Row], portfolios: Iterable[_Row]) -> list[Subscription]:
    members: dict[str, set[str]] = {}
    for subscription_id, enterprise_id in portfolios:
        members.setdefault(subscription_id, set()).add(enterprise_id)
    return [
        Subscription(
            subscription_id=row.subscription_id,
            url=row.url,
            shown_url=shown_url(row.url),
            secret=SecretStr(row.secret),
            minimum_level=Level(row.minimum_level),
            enterprises=None if row.all_enterprises else frozenset(members.get(row.subscription_id, ())),
            active=row.active,
            created_at=row.created_at,
            created_by=row.created_by,
            ended_at=row.ended_at,
            ended_reason=row.ended_reason,
        )
        for row in rows
    ]


def _end_subscription(connection: Connection, subscription_id: str, actor: str, now_ms: int, reason: str) -> None:
    table, queue = schema.subscriptions, schema.deliveries
    connection.execute(
        update(table)
        .where(table.c.subscription_id == subscription_id)
        .values(active=False, ended_at=now_ms, ended_reason=reason)
    )
    waiting = and_(queue.c.subscription_id == subscription_id, queue.c.state == DeliveryState.WAITING.value)
    cancelled = connection.execute(
        update(queue).where(waiting).values(state=DeliveryState.CANCELLED.value, due_at=None, finished_at=now_ms)
    ).rowcount
    details: dict[str, JsonValue] = {"reason": reason, "cancelled": cancelled}
    _act(connection, now_ms, actor, "subscription.ended", "subscription", subscription_id, details)


def _enqueue(connection: Connection, work: Work, now_ms: int) -> bool:
    table, queue, owners = schema.delivery_positions, schema.deliveries, schema.subscriptions
    active = connection.execute(
        select(owners.c.active).where(owners.c.subscription_id == work.subscription_id)
    ).scalar()
    if not active:  # ended since the caller looked
        return False
    pair = and_(table.c.subscription_id == work.subscription_id, table.c.enterprise_id == work.enterprise_id)
    last = connection.execute(select(table).where(pair)).first()
    if last is not None and last.last_sequence >= work.sequence:
        return False
    delivery_sequence = 1 if last is None else last.last_delivery_sequence + 1
    position = {"last_sequence": work.sequence, "last_delivery_sequence": delivery_sequence}
    if last is None:
        ids = {"subscription_id": work.subscription_id, "enterprise_id": work.enterprise_id}
        connection.execute(insert(table).values(**ids, **position))
    else:
        connection.execute(update(table).where(pair).values(position))
    connection.execute(
        insert(queue).values(
            webhook_id=work.webhook_id,
            subscription_id=work.subscription_id,
            enterprise_id=work.enterprise_id,
            alert_id=work.alert_id,
            sequence=work.sequence,
            delivery_sequence=delivery_sequence,
            body=work.body(delivery_sequence),
            state=DeliveryState.WAITING.value,
            attempts=0,
            created_at=now_ms,
        )
    )
    _let_next_go(connection, work.subscription_id, work.enterprise_id, now_ms)
    return True


def _let_next_go(connection: Connection, subscription_id: str, enterprise_id: str, now_ms: int) -> None:
    """Make the first waiting delivery of a pair due, unless it already has its time."""
    table = schema.deliveries
    of_pair = and_(
        table.c.subscription_id == subscription_id,
        table.c.enterprise_id == enterprise_id,
        table.c.state == DeliveryState.WAITING.value,
    )
    head = connection.execute(
        select(table.c.webhook_id, table.c.due_at).where(of_pair).order_by(table.c.delivery_sequence).limit(1)
    ).first()
    if head is not None and head.due_at is None:
        connection.execute(update(table).where(table.c.webhook_id == head.webhook_id).values(due_at=now_ms))


def _attempt(row: _Row) -> Attempt:
    return Attempt(row.status, row.reason, row.at, row.took_ms, row.status_code, row.retry_at)


def _pending(row: _Row) -> Pending:
    return Pending(
        webhook_id=row.webhook_id,
        subscription_id=row.subscription_id,
        url=row.url,
        secret=SecretStr(row.secret),
        enterprise_id=row.enterprise_id,
        alert_id=row.alert_id,
        sequence=row.sequence,
        delivery_sequence=row.delivery_sequence,
        attempts=row.attempts,
        due_at=row.due_at,
        body=bytes(row.body),
    )


def _delivery(row: _Row, attempt: Attempt) -> Delivery:
    return Delivery(
        subscription_id=row.subscription_id,
        webhook_id=row.webhook_id,
        delivery_sequence=row.delivery_sequence,
        enterprise_id=row.enterprise_id,
        alert_id=row.alert_id,
        sequence=row.sequence,
        attempt=row.attempts + 1,
        status=attempt.status,
        status_code=attempt.status_code,
        error="" if attempt.status == "delivered" else attempt.reason,
        at=_moment(attempt.at),
    )


def _moment(ms: int) -> datetime:
    return datetime.fromtimestamp(ms / 1000, UTC)


def _act(
    connection: Connection,
    now_ms: int,
    actor: str,
    kind: str,
    object_kind: str,
    object_id: str,
    details: dict[str, JsonValue],
) -> None:
    action = Action(
        action_id=f"act_{secrets.token_hex(12)}",
        at=_moment(now_ms),
        actor=actor,
        kind=kind,
        object_kind=object_kind,
        object_id=object_id,
        details=details,
    )
    _put(connection, ACTIONS, object_id, action.wire())


def _put(connection: Connection, topic: str, key: str, value: bytes) -> None:
    connection.execute(insert(schema.outbox).values(topic=topic, key=key.encode(), value=value))
