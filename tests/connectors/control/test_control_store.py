from __future__ import annotations

import json
import random
import stat
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Literal

import pytest

from connectors.control import Attempt, ControlStore, DeliveryState, Outlook, Pending, UnknownObjectError, Work
from connectors.models import Action, Delivery, Level

SECRET = "whsec_" + "c2VjcmV0" * 5
URL = "https://hooks.example.com/T0/token?key=hidden"


def subscribe(store: ControlStore, **given: object) -> str:
    chosen: dict[str, object] = {"actor": "tester", "now_ms": 1_000} | given
    return store.add_subscription(URL, SECRET, **chosen).subscription_id  # type: ignore[arg-type]  # passed on as given


def work(subscription_id: str, sequence: int, enterprise_id: str = "E1") -> Work:
    return Work(
        webhook_id=f"msg_{subscription_id[-6:]}_{enterprise_id}_{sequence}",
        subscription_id=subscription_id,
        enterprise_id=enterprise_id,
        alert_id=f"{enterprise_id}:1",
        sequence=sequence,
        body=lambda number: b'{"delivery_sequence":%d}' % number,
    )


def ended(status: Literal["delivered", "failed"], at: int = 2_000) -> Attempt:
    return Attempt(status, "delivered" if status == "delivered" else "http-500", at, 5, 200)


def retry(at: int, again: int) -> Attempt:
    return Attempt("retrying", "timeout", at, 5, None, again)


def sent(store: ControlStore, topic: str) -> list[bytes]:
    return [message.value for message in store.pending_actions(10_000) if message.topic == topic]


def actions(store: ControlStore) -> list[Action]:
    return [Action.model_validate_json(value) for value in sent(store, "actions")]


def test_a_subscription_is_kept_as_given_and_shows_no_secret(store: ControlStore) -> None:
    one = store.add_subscription(
        URL, SECRET, actor="ann", now_ms=5, minimum_level=Level.ORANGE, enterprises=["E2", "E1", "E1"]
    )
    assert store.subscriptions() == [one]
    assert (one.url, one.minimum_level, one.enterprises) == (URL, Level.ORANGE, frozenset({"E1", "E2"}))
    assert one.secret.get_secret_value() == SECRET
    shown = repr(one) + str(one) + "".join(value.decode() for value in sent(store, "actions"))
    assert "https://hooks.example.com/…" in shown
    assert not any(hidden in shown for hidden in (SECRET, "hidden", "token"))


def test_watching_gives_the_part_of_each_portfolio_that_was_asked_for(store: ControlStore) -> None:
    everyone = subscribe(store, now_ms=1)
    some = subscribe(store, now_ms=2, enterprises=[f"E{number}" for number in range(25_000)])
    none = subscribe(store, now_ms=3, enterprises=["X"])
    found = store.watching([f"E{number}" for number in range(24_990, 25_010)])
    assert [one.subscription_id for one in found] == [everyone, some, none]
    assert found[0].enterprises is None
    assert found[1].enterprises == frozenset(f"E{number}" for number in range(24_990, 25_000))
    assert found[2].enterprises == frozenset()


def test_an_empty_portfolio_is_not_everybody(store: ControlStore) -> None:
    subscribe(store, enterprises=[])
    assert store.subscriptions()[0].enterprises == frozenset()


def test_every_change_writes_its_action_in_order(store: ControlStore) -> None:
    subscription_id = subscribe(store, enterprises=["E1"])
    store.acknowledge("E1:1", "E1", "officer", "called the owner", now_ms=2_000)
    assert store.deactivate_subscription(subscription_id, actor="ann", now_ms=3_000)
    assert not store.deactivate_subscription(subscription_id, actor="ann", now_ms=4_000)
    done = actions(store)
    assert [(one.kind, one.actor, one.object_id) for one in done] == [
        ("subscription.added", "tester", subscription_id),
        ("alert.acknowledged", "officer", "E1:1"),
        ("subscription.ended", "ann", subscription_id),
    ]
    assert done[1].details == {"enterprise_id": "E1", "note": "called the owner"}
    assert len({one.action_id for one in done}) == 3


def test_the_outbox_gives_the_same_messages_until_they_are_relayed(store: ControlStore) -> None:
    for number in range(5):
        store.acknowledge(f"A{number}", "E1", "officer", "", now_ms=number)
    first = store.pending_actions(3)
    assert store.pending_actions(3) == first
    store.mark_relayed(first)
    assert [Action.model_validate_json(one.value).object_id for one in store.pending_actions()] == ["A3", "A4"]
    store.mark_relayed(store.pending_actions())
    store.acknowledge("A5", "E1", "officer", "", now_ms=9)
    assert store.pending_actions()[0].number > first[-1].number + 2


def test_acknowledgements_are_found_by_alert_and_read_back_at_once(store: ControlStore) -> None:
    one = store.acknowledge("A1", "E1", "ann", "first", now_ms=1)
    two = store.acknowledge("A1", "E1", "bob", "风险已核实", now_ms=2)
    store.acknowledge("A2", "E2", "bob", "", now_ms=3)
    assert store.acknowledgements(["A1", "A3"]) == {"A1": (one, two)}
    assert store.acknowledgements([]) == {}


def test_unknown_subscriptions_are_named(store: ControlStore) -> None:
    with pytest.raises(UnknownObjectError, match=r"sub_none.*--list"):
        store.subscription("sub_none")
    with pytest.raises(UnknownObjectError):
        store.deactivate_subscription("sub_none", actor="ann", now_ms=1)


def test_a_transition_is_queued_once_however_often_it_is_read(store: ControlStore) -> None:
    one, two = subscribe(store), subscribe(store)
    batch = [work(one, 3), work(two, 3), work(one, 4), work(one, 3, "E2")]
    assert store.enqueue(batch, now_ms=10) == 4
    assert store.enqueue(batch, now_ms=20) == 0
    assert store.enqueue([work(one, 2), work(one, 5)], now_ms=30) == 1
    assert store.delivery_counts() == {one: {DeliveryState.WAITING: 4}, two: {DeliveryState.WAITING: 1}}


def test_pruned_deliveries_are_not_queued_again_and_the_numbers_go_on(store: ControlStore) -> None:
    one = subscribe(store)
    store.enqueue([work(one, 1)], now_ms=10)
    store.record_attempt(work(one, 1).webhook_id, ended("delivered", at=100))
    assert store.prune(100) == 0
    assert store.prune(101) == 1
    assert store.attempts(work(one, 1).webhook_id) == []
    assert store.enqueue([work(one, 1), work(one, 2)], now_ms=200) == 1
    assert [pending.delivery_sequence for pending in store.due(200, 9)] == [2]


def test_the_next_delivery_of_an_enterprise_waits_and_others_do_not(store: ControlStore) -> None:
    one = subscribe(store)
    store.enqueue([work(one, 1), work(one, 2), work(one, 1, "E2")], now_ms=10)

    def heads(now_ms: int) -> list[tuple[str, int]]:
        return [(pending.enterprise_id, pending.delivery_sequence) for pending in store.due(now_ms, 9)]

    assert heads(9) == []
    assert heads(10) == [("E1", 1), ("E2", 1)]
    store.record_attempt(work(one, 1).webhook_id, retry(20, 500))
    assert heads(499) == [("E2", 1)]
    assert store.next_due() == 10
    assert heads(500) == [("E2", 1), ("E1", 1)]
    store.record_attempt(work(one, 1).webhook_id, ended("failed", at=501))
    assert heads(501) == [("E2", 1), ("E1", 2)]


def test_due_shares_between_subscriptions(store: ControlStore) -> None:
    busy, quiet = subscribe(store), subscribe(store)
    store.enqueue([work(busy, 1, f"E{number}") for number in range(50)], now_ms=10)
    store.enqueue([work(quiet, 1)], now_ms=20)
    owners = [pending.subscription_id for pending in store.due(30, 3)]
    assert sorted(owners[:2]) == sorted([busy, quiet])
    assert owners.count(busy) == 3


def test_what_is_due_carries_all_that_sending_needs_and_hides_it(store: ControlStore) -> None:
    one = subscribe(store)
    store.enqueue([work(one, 7)], now_ms=10)
    (pending,) = store.due(10, 1)
    assert isinstance(pending, Pending)
    assert (pending.url, pending.secret.get_secret_value(), pending.body) == (URL, SECRET, b'{"delivery_sequence":1}')
    assert (pending.sequence, pending.delivery_sequence, pending.attempts) == (7, 1, 0)
    assert SECRET not in repr(pending)
    assert "hidden" not in repr(pending)


def test_attempts_are_kept_and_told(store: ControlStore) -> None:
    one = subscribe(store)
    store.enqueue([work(one, 1)], now_ms=10)
    webhook_id = work(one, 1).webhook_id
    store.record_attempt(webhook_id, retry(20, 500))
    store.record_attempt(webhook_id, ended("delivered", at=600))
    assert store.record_attempt(webhook_id, ended("failed", at=700)) is None, "a stalled process comes too late"
    assert store.attempts(webhook_id) == [retry(20, 500), ended("delivered", at=600)]
    told = [Delivery.model_validate_json(value) for value in sent(store, "deliveries")]
    assert [(one.attempt, one.status, one.error) for one in told] == [(1, "retrying", "timeout"), (2, "delivered", "")]
    assert told[0].webhook_id == told[1].webhook_id == webhook_id


def test_the_newest_failure_and_the_next_attempt_of_a_subscription_are_told(store: ControlStore) -> None:
    one, two, idle = subscribe(store), subscribe(store), subscribe(store)
    store.enqueue([work(one, 1), work(one, 2), work(one, 1, "E2"), work(two, 1)], now_ms=10)
    store.record_attempt(work(one, 1).webhook_id, retry(20, 500))
    store.record_attempt(work(one, 1).webhook_id, retry(500, 900))
    store.record_attempt(work(one, 1, "E2").webhook_id, ended("delivered", at=600))
    store.record_attempt(work(two, 1).webhook_id, ended("failed", at=700))
    assert store.outlooks() == {one: Outlook(retry(500, 900), 900), two: Outlook(ended("failed", at=700), None)}
    assert idle not in store.outlooks()


def test_ending_a_subscription_cancels_what_waits(store: ControlStore) -> None:
    one = subscribe(store)
    store.enqueue([work(one, 1), work(one, 2)], now_ms=10)
    message = store.record_attempt(work(one, 1).webhook_id, ended("failed"), gone_for="notifier")
    assert message is not None
    assert message.status == "failed"
    assert store.due(10_000, 9) == []
    assert store.delivery_counts() == {one: {DeliveryState.FAILED: 1, DeliveryState.CANCELLED: 1}}
    assert store.enqueue([work(one, 3)], now_ms=20) == 0
    assert actions(store)[-1].details == {"reason": "gone", "cancelled": 1}
    assert store.subscriptions() == []
    assert store.subscription(one).ended_reason == "gone"


def test_a_retry_needs_a_time() -> None:
    with pytest.raises(ValueError, match="retry_at"):
        Attempt("retrying", "timeout", 1, 1)


def test_a_lease_has_one_owner_at_a_time(store: ControlStore) -> None:
    assert store.lease("x", "a", now_ms=0, for_ms=100)
    assert not store.lease("x", "b", now_ms=99, for_ms=100)
    assert store.lease("x", "a", now_ms=99, for_ms=100)
    assert not store.lease("x", "b", now_ms=198, for_ms=100)
    assert store.lease("x", "b", now_ms=199, for_ms=100)
    assert not store.lease("x", "a", now_ms=200, for_ms=100)
    store.release("x", "a")
    assert not store.lease("x", "a", now_ms=200, for_ms=100)
    store.release("x", "b")
    assert store.lease("x", "a", now_ms=200, for_ms=100)


def together(how_many: int, do: Callable[[int], None]) -> None:
    errors: list[BaseException] = []
    ready = threading.Barrier(how_many)

    def run(number: int) -> None:
        ready.wait()
        try:
            do(number)
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=run, args=(number,)) for number in range(how_many)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []


def test_several_processes_may_start_at_once(control_url: str) -> None:
    stores = [ControlStore(control_url) for _ in range(6)]
    together(6, lambda number: stores[number].upgrade())
    stores[0].upgrade()
    stores[3].acknowledge("A1", "E1", "ann", "", now_ms=1)
    assert set(stores[5].acknowledgements(["A1"])) == {"A1"}
    for one in stores:
        one.close()


def test_writers_side_by_side_keep_the_sequence_dense(control_url: str, store: ControlStore) -> None:
    one = subscribe(store)
    others = [ControlStore(control_url) for _ in range(4)]

    def write(number: int) -> None:
        order = random.Random(number)
        sequence = 0
        while sequence < 40:
            sequence += order.randint(1, 3)
            others[number].enqueue([work(one, sequence)], now_ms=sequence)

    together(4, write)
    numbers, sequences = [], []
    while due := store.due(10_000, 1):
        numbers.append(due[0].delivery_sequence)
        sequences.append(due[0].sequence)
        store.record_attempt(due[0].webhook_id, ended("delivered"))
    assert numbers == list(range(1, len(numbers) + 1))
    assert sequences == sorted(set(sequences))
    for other in others:
        other.close()


def test_the_file_is_its_owners_alone(tmp_path: Path) -> None:
    store = ControlStore(f"sqlite:///{tmp_path}/deep/control.db")
    store.upgrade()
    store.close()
    assert stat.S_IMODE((tmp_path / "deep" / "control.db").stat().st_mode) == 0o600


@pytest.mark.parametrize("url", ["sqlite://", "sqlite:///:memory:", "mysql://bob:hunter2@db/x", "bob:hunter2@db"])
def test_databases_that_will_not_do_are_refused(url: str) -> None:
    with pytest.raises(ValueError, match=r"SQLite|CONTROL_URL") as caught:
        ControlStore(url)
    assert "hunter2" not in str(caught.value)


def test_errors_of_the_database_tell_no_parameters(store: ControlStore) -> None:
    store.enqueue([work(subscribe(store), 1)], now_ms=1)
    with pytest.raises(Exception, match="deliveries") as caught:
        _insert_again(store)
    assert SECRET not in str(caught.value)
    assert "hidden parameters" in str(caught.value) or "hide_parameters" in str(caught.value)


def _insert_again(store: ControlStore) -> None:
    from sqlalchemy import insert

    from connectors.control import schema
    from connectors.control.engine import writing

    (pending,) = store.due(10, 1)
    with writing(store._engine) as connection:
        connection.execute(
            insert(schema.deliveries).values(
                webhook_id=pending.webhook_id, subscription_id=pending.subscription_id, enterprise_id=SECRET,
                alert_id="", sequence=9, delivery_sequence=9, body=b"", state="waiting", attempts=0, created_at=1,
            )
        )  # fmt: skip


def test_the_migrations_make_the_tables_that_the_code_uses(store: ControlStore) -> None:
    from alembic.autogenerate import compare_metadata
    from alembic.runtime.migration import MigrationContext

    from connectors.control.engine import reading
    from connectors.control.schema import METADATA

    with reading(store._engine) as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, METADATA) == []


def test_a_relayed_message_is_json_on_its_topic(store: ControlStore) -> None:
    subscribe(store)
    (message,) = store.pending_actions()
    assert message.topic == "actions"
    assert json.loads(message.value)["object_id"].encode() == message.key
