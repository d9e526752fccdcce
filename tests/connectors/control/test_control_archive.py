"""A control store as text and back, within one kind of database and from one to the other."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import MetaData, create_engine, insert, select

from connectors.control import Attempt, ControlStore, Work, schema
from connectors.control.archive import Contents, FilledStoreError, NewerStoreError, NoStoreError, load, snapshot
from connectors.control.engine import writing
from connectors.control.testing import PostgreSQLServer
from connectors.models import Level

Dumped = tuple[Contents, dict[str, list[bytes]]]
SECRET = "whsec_" + "c2VjcmV0" * 5


def fill(store: ControlStore, seed: int, deliveries: int = 40) -> None:
    """Do a bit of everything that the store knows."""
    chance = random.Random(seed)
    for number in range(3):
        one = store.add_subscription(
            f"https://example.com/{number}", SECRET, actor="信贷部", now_ms=number, minimum_level=Level.ORANGE,
            enterprises=None if number else ["E1", "企业二"],
        )  # fmt: skip
        works = [
            Work(f"msg_{seed}_{number}_{n}", one.subscription_id, "E1", "E1:1", n + 1, lambda _: chance.randbytes(30))
            for n in range(deliveries)
        ]
        store.enqueue(works, now_ms=5)
        for due in store.due(10, 10)[:2]:
            store.record_attempt(due.webhook_id, Attempt("delivered", "delivered", 20, 5, 200))
    store.acknowledge("E1:1", "E1", actor="ann", note='"quoted"\n换行', now_ms=9)
    store.mark_relayed(store.pending_actions(2))


def dumped(url: str) -> Dumped:
    with snapshot(url) as store:
        return store.contents, {table: list(store.lines(table)) for table in store.contents.tables}


def restored(dump: Dumped, url: str, *, over: bool = False) -> None:
    contents, tables = dump
    load(contents, tables.__getitem__, url, replace=over, say=lambda _: None)


@pytest.fixture
def another_url(tmp_path: Path, request: pytest.FixtureRequest) -> Callable[[str], str]:
    def make(kind: str) -> str:
        if kind == "sqlite":
            return f"sqlite:///{tmp_path}/another.db"
        server: PostgreSQLServer = request.getfixturevalue("postgresql")
        return server.fresh_database()

    return make


@pytest.mark.parametrize("to", ["sqlite", pytest.param("postgresql", marks=pytest.mark.stack)])
def test_every_table_is_equal_in_the_other_store(
    store: ControlStore, control_url: str, another_url: Callable[[str], str], to: str
) -> None:
    fill(store, 1)
    before, target = dumped(control_url), another_url(to)
    restored(before, target)
    assert dumped(target) == before
    assert sum(before[0].tables.values()) > 100
    assert all(json.loads(line) for lines in before[1].values() for line in lines)


@pytest.mark.parametrize("to", ["sqlite", pytest.param("postgresql", marks=pytest.mark.stack)])
def test_the_other_store_goes_on_where_this_one_was(
    store: ControlStore, control_url: str, another_url: Callable[[str], str], to: str
) -> None:
    fill(store, 2)
    numbers = [message.number for message in store.pending_actions(10_000)]
    store.mark_relayed(store.pending_actions(10_000))  # the highest numbers are of rows that are gone
    target = another_url(to)
    restored(dumped(control_url), target)
    other = ControlStore(target)
    other.acknowledge("E9:1", "E9", actor="bob", note="", now_ms=1)
    assert min(message.number for message in other.pending_actions()) > max(numbers)
    assert [one.secret.get_secret_value() for one in other.subscriptions()] == [SECRET] * 3
    other.close()


def test_an_old_dump_gets_the_newest_tables(store: ControlStore, control_url: str, tmp_path: Path) -> None:
    fill(store, 3)
    contents, tables = dumped(control_url)
    assert contents.revision == "0001"  # with a second revision, dump a store of the first here, and load it
    restored((contents, tables), f"sqlite:///{tmp_path}/newest.db")
    ControlStore(f"sqlite:///{tmp_path}/newest.db").upgrade()


def test_a_store_with_something_in_it_is_replaced_on_demand_only(store: ControlStore, control_url: str) -> None:
    fill(store, 4, deliveries=2)
    before = dumped(control_url)
    store.add_subscription("https://example.com/later", SECRET, actor="ann", now_ms=1)
    later = dumped(control_url)
    with pytest.raises(FilledStoreError, match="subscriptions"):
        restored(before, control_url)
    assert dumped(control_url) == later
    restored(before, control_url, over=True)
    assert dumped(control_url) == before


def test_a_failed_restoration_changes_nothing(store: ControlStore, control_url: str) -> None:
    fill(store, 5, deliveries=2)
    contents, tables = dumped(control_url)
    torn = tables | {"outbox": [*tables["outbox"], b'["not", "a", "row"]\n']}
    with pytest.raises(ValueError, match="zip"):
        restored((contents, torn), control_url, over=True)
    assert dumped(control_url) == (contents, tables)


def test_tables_of_a_newer_version_are_refused(store: ControlStore, control_url: str, tmp_path: Path) -> None:
    contents, tables = dumped(control_url)
    with pytest.raises(NewerStoreError, match="9999"):
        restored((replace(contents, revision="9999"), tables), f"sqlite:///{tmp_path}/newer.db")


_TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)


@settings(deadline=None, max_examples=8)
@given(st.lists(st.tuples(_TEXTS, _TEXTS, st.integers(-(2**60), 2**60)), max_size=5))
def test_any_text_and_number_comes_back(
    tmp_path_factory: pytest.TempPathFactory, said: list[tuple[str, str, int]]
) -> None:
    directory = tmp_path_factory.mktemp("any")
    one, other = f"sqlite:///{directory}/one.db", f"sqlite:///{directory}/other.db"
    store = ControlStore(one)
    store.upgrade()
    with writing(store._engine) as connection:
        for alert_id, note, at in said:
            values = {"alert_id": alert_id, "enterprise_id": "E", "actor": note, "note": note, "at": at}
            connection.execute(insert(schema.acknowledgements).values(values))
            connection.execute(insert(schema.outbox).values(topic="t", key=note.encode(), value=alert_id.encode()))
    store.close()
    restored(dumped(one), other)
    assert dumped(other) == dumped(one)


def test_where_no_store_is_none_is_made(tmp_path: Path) -> None:
    with pytest.raises(NoStoreError, match="nothing to back up"), snapshot(f"sqlite:///{tmp_path}/none.db"):
        pass
    assert list(tmp_path.iterdir()) == []


def test_what_is_written_meanwhile_is_not_in_it(store: ControlStore, control_url: str) -> None:
    fill(store, 6, deliveries=2)
    with snapshot(control_url) as seen:
        store.add_subscription("https://example.com/meanwhile", SECRET, actor="ann", now_ms=1)
        assert len(list(seen.lines("subscriptions"))) == 1 + seen.contents.tables["subscriptions"] == 4


def test_a_store_that_is_migrated_is_the_one_that_the_program_declares(store: ControlStore, control_url: str) -> None:
    fill(store, 7, deliveries=1)
    restored(dumped(control_url), control_url, over=True)
    engine = create_engine(control_url.replace("postgresql://", "postgresql+psycopg://"))
    metadata = MetaData()
    metadata.reflect(engine)
    with engine.connect() as connection:
        assert connection.execute(select(metadata.tables["alembic_version"])).scalar_one() == "0001"
    engine.dispose()
