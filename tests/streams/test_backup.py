"""Backups: whole or refused, and what is restored is what was backed up."""

from __future__ import annotations

import json
import os
import stat
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from standardwebhooks import Webhook
from typer.testing import CliRunner, Result

from connectors.clickhouse import client, migrate
from connectors.control import ControlStore
from connectors.control.archive import NewerStoreError, snapshot
from connectors.embedded import ClickHouseServer
from connectors.webhook import Answer, Receiver, Request, Verdict, WebhookSender
from streams.backup import Backup, BackupError, make, opened, restore
from streams.cli import app
from streams.clock import SystemClock
from streams.health import Beacon
from streams.runtime import endpoints, load_settings, own_secret, write_stack
from streams.settings import Settings
from streams.stack import StackBusyError, claimed

BODY = b'{"data":{"enterprise_id":"E1"}}'
SECRET = "whsec_" + "c2VjcmV0" * 5


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Work in an empty directory without any setting."""
    monkeypatch.chdir(tmp_path)
    for name in [name for name in os.environ if name.startswith("FOREWARN_")]:
        monkeypatch.delenv(name)
    return tmp_path


@dataclass
class Made:
    settings: Settings
    file: Path


def told(url: str) -> dict[str, list[bytes]]:
    with snapshot(url) as store:
        return {table: list(store.lines(table)) for table in store.contents.tables}


def contents(data_dir: Path) -> tuple[dict[str, list[bytes]], dict[str, str]]:
    kept = {path.name: path.read_text() for path in (data_dir / "secrets").iterdir()}
    return told(f"sqlite:///{data_dir}/control.db"), kept


@pytest.fixture
def stack(place: Path) -> Settings:
    """A stack with a subscription, secrets and a configuration; nothing of it runs."""
    (place / "forewarn.toml").write_text('log_level = "debug"\ndetection_config = "mine.toml"\n', encoding="utf-8")
    (place / "mine.toml").write_text("# 空\n", encoding="utf-8")
    loaded = load_settings(data_dir=place / "stack", partitions=7, kafka_port=4711)
    write_stack(loaded)
    own_secret(loaded.data_dir, "clickhouse-password")
    own_secret(loaded.data_dir, "api-token")
    store = ControlStore(endpoints(loaded).control_url)
    store.upgrade()
    store.add_subscription("https://example.com/hook", SECRET, actor="信贷部", now_ms=1, enterprises=["E1"])
    store.acknowledge("E1:1", "E1", "ann", "seen", now_ms=2)
    store.close()
    return loaded


def backed_up(loaded: Settings, file: Path) -> Path:
    make(file, loaded, SystemClock(), lambda *_: None)
    return file


def put_back(file: Path, loaded: Settings, **options: Any) -> None:
    with opened(file) as found:
        restore(found, loaded, SystemClock(), lambda *_: None, **options)


def run(*arguments: object) -> Result:
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def test_a_stack_is_the_same_in_another_place(stack: Settings, place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = backed_up(stack, place / "b.zip")
    other = place / "elsewhere"
    other.mkdir()
    monkeypatch.chdir(other)
    put_back(file, load_settings(data_dir=other / "stack"))
    assert contents(other / "stack") == contents(stack.data_dir)
    assert (other / "forewarn.toml").read_text() == (place / "forewarn.toml").read_text()
    restored = load_settings(data_dir=other / "stack")
    assert (restored.partitions, restored.log_level) == (7, "debug")
    assert restored.kafka_port == 19092  # a port belongs to the machine
    assert (other / "stack" / "detection.toml").read_text() == "# 空\n"


def test_the_file_and_what_it_restores_are_for_their_owner_only(stack: Settings, place: Path) -> None:
    file = backed_up(stack, place / "b.zip")
    put_back(file, load_settings(data_dir=place / "new"), pieces=["control", "secrets"])
    restored = [path for path in (place / "new").rglob("*") if path.is_file() and path.parent.name != "run"]
    assert len(restored) >= 3
    assert {stat.S_IMODE(path.stat().st_mode) for path in [file, *restored]} == {0o600}


def test_nothing_that_exists_is_overwritten_unless_asked(stack: Settings, place: Path) -> None:
    file = backed_up(stack, place / "b.zip")
    with pytest.raises(BackupError, match="exists already"):
        backed_up(stack, file)
    before = contents(stack.data_dir)
    with pytest.raises(BackupError, match=r"not empty .*--force"):
        put_back(file, stack)
    (stack.data_dir / "secrets" / "api-token").write_text("another")
    with pytest.raises(BackupError, match=r"api-token; --force"):
        put_back(file, stack, pieces=["secrets"])
    assert (stack.data_dir / "secrets" / "api-token").read_text() == "another"
    put_back(file, stack, force=True)
    assert contents(stack.data_dir) == before


def test_a_stack_that_runs_is_left_alone(stack: Settings, place: Path) -> None:
    file = backed_up(stack, place / "b.zip")
    with claimed(stack.data_dir), pytest.raises(StackBusyError):
        put_back(file, stack, force=True)
    Beacon(stack.data_dir, "notifier").beat()  # a worker that runs by itself
    with pytest.raises(BackupError, match=r"stop notifier \(process \d+\)"):
        put_back(file, stack, force=True)


def rewritten(file: Path, change: Callable[[dict[str, bytes]], None]) -> Path:
    """Return a copy of a backup with other members."""
    with zipfile.ZipFile(file) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    change(members)
    other = file.with_name("changed.zip")
    with zipfile.ZipFile(other, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return other


def in_manifest(**values: Any) -> Callable[[dict[str, bytes]], None]:
    def change(members: dict[str, bytes]) -> None:
        members["manifest.json"] = json.dumps(json.loads(members["manifest.json"]) | values).encode()

    return change


def with_member(name: str) -> Callable[[dict[str, bytes]], None]:
    return lambda members: members.update({name: b"evil"})


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (with_member("../../etc/cron.d/evil"), "not a backup that forewarn made"),
        (with_member("/etc/passwd"), "not a backup that forewarn made"),
        (with_member("secrets/../../x"), "not a backup that forewarn made"),
        (with_member("secrets/.ssh"), "not a backup that forewarn made"),
        (with_member("secrets/extra"), "names other files than it has"),
        (with_member("control/outbox.ndjson"), "outbox.ndjson was changed or damaged"),
        (lambda members: members.pop("control/outbox.ndjson"), "names other files than it has"),
        (lambda members: members.pop("manifest.json"), "no manifest"),
        (lambda members: members.update({"manifest.json": b"[]"}), "manifest cannot be read"),
        (in_manifest(tables={"nothing": 1}), "names other files than it has"),
        (in_manifest(format=2, forewarn="9.9"), "made by forewarn 9.9"),
    ],
)
def test_a_file_that_was_changed_is_refused(
    stack: Settings, place: Path, change: Callable[[dict[str, bytes]], None], reason: str
) -> None:
    file = rewritten(backed_up(stack, place / "b.zip"), change)
    with pytest.raises(BackupError, match=reason):
        put_back(file, load_settings(data_dir=place / "new"))
    assert not (place / "new").exists()


def test_tables_of_a_newer_version_are_refused(stack: Settings, place: Path) -> None:
    file = rewritten(backed_up(stack, place / "b.zip"), in_manifest(revision="9999"))
    with pytest.raises(NewerStoreError, match="9999"):
        put_back(file, load_settings(data_dir=place / "new"))
    assert not (place / "new" / "control.db").exists()


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """A small backup."""
    directory = tmp_path_factory.mktemp("whole")
    loaded = Settings(data_dir=directory / "stack")
    store = ControlStore(endpoints(loaded).control_url)
    store.upgrade()
    store.acknowledge("E1:1", "E1", "ann", "seen", now_ms=2)
    store.close()
    return backed_up(loaded, directory / "b.zip").read_bytes()


@settings(deadline=None, max_examples=150)
@given(data=st.data())
def test_a_damaged_file_is_refused_or_means_the_same(
    whole: bytes, tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    file = tmp_path_factory.mktemp("torn") / "b.zip"
    at = data.draw(st.integers(0, len(whole) - 1))
    torn = bytearray(whole)
    torn[at] ^= data.draw(st.integers(1, 255))
    file.write_bytes(bytes(torn[: data.draw(st.one_of(st.just(len(whole)), st.integers(0, len(whole))))]))
    try:
        with opened(file) as found:
            seen = everything(found)
    except BackupError:
        return
    file.write_bytes(whole)
    with opened(file) as found:
        assert seen == everything(found)


def everything(found: Backup) -> tuple[Mapping[str, int], dict[str, list[bytes]]]:
    return found.manifest.tables, {table: list(found.lines(table)) for table in found.manifest.tables}


def test_the_commands_say_what_they_did_and_no_secret(stack: Settings, place: Path) -> None:
    made = run("backup", place, "--data-dir", stack.data_dir, "--json")
    assert made.exit_code == 0, made.stderr
    said = json.loads(made.stdout)
    assert (said["app"], said["revision"], said["tables"]["subscriptions"]) == ("forewarn", "0001", 1)
    shown = run("restore", said["file"], "--check", "--data-dir", place / "new")
    assert "secrets/clickhouse-password" in shown.stderr
    refused = run("restore", said["file"], "--data-dir", stack.data_dir)
    assert refused.exit_code == 1
    assert "--force" in refused.stderr
    done = run("restore", said["file"], "--data-dir", place / "new", "--only", "secrets", "--json")
    assert done.exit_code == 0, done.stderr
    assert json.loads(done.stdout)["rows"] == 0
    assert not (place / "new" / "control.db").exists()
    human = run("restore", said["file"], "--data-dir", place / "new", "--force")
    assert "rows of the control store" in human.stderr
    password = own_secret(stack.data_dir, "clickhouse-password")
    everything_said = "".join(result.output for result in (made, shown, refused, done, human))
    assert SECRET not in everything_said
    assert password not in everything_said


def test_without_a_store_there_is_nothing_to_back_up(place: Path) -> None:
    result = run("backup", place, "--data-dir", place / "nothing")
    assert result.exit_code == 1
    assert "nothing to back up" in result.stderr
    assert list(place.glob("*.zip")) == []


def test_a_foreign_file_is_no_backup(place: Path) -> None:
    (place / "x.zip").write_bytes(b"PK\x03\x04 nonsense")
    result = run("restore", place / "x.zip", "--data-dir", place / "new")
    assert result.exit_code == 1
    assert "is not a whole backup" in " ".join(result.stderr.split())


@pytest.mark.parametrize("place_of", ["Disk('b', 'x') SETTINGS x=1", "URL('http://x')", "File('../x')", "Null"])
def test_no_statement_is_made_of_a_place_that_is_none(stack: Settings, place: Path, place_of: str) -> None:
    result = run("backup", place, "--clickhouse", "--clickhouse-to", place_of, "--data-dir", stack.data_dir)
    assert result.exit_code == 2
    assert "not a place for a backup" in " ".join(result.stderr.split())
    assert list(place.glob("*.zip")) == []


async def test_a_restored_stack_signs_with_the_same_secret(stack: Settings, place: Path) -> None:
    file = backed_up(stack, place / "b.zip")
    restored = load_settings(data_dir=place / "new")
    put_back(file, restored, pieces=["control"])
    verified: list[str] = []

    def answer(request: Request) -> Answer:
        Webhook(SECRET).verify(request.body, dict(request.headers))
        verified.append(json.loads(request.body)["data"]["enterprise_id"])
        return Answer()

    store = ControlStore(endpoints(restored).control_url)
    sender = WebhookSender(SystemClock().now_ms, timeout_s=5, allow_private=True)
    with Receiver(answer) as receiver:
        # The address is another one here; all else is as it was restored.
        (subscription,) = store.subscriptions()
        outcome = await sender.send(receiver.url, subscription.secret.get_secret_value(), "msg_1", BODY)
    await sender.close()
    store.close()
    assert outcome.verdict is Verdict.DELIVERED
    assert verified == ["E1"]


@pytest.mark.stack
def test_clickhouse_is_backed_up_and_restored_by_the_same_commands(
    stack: Settings, place: Path, clickhouse: ClickHouseServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in {"URL": clickhouse.url, "PASSWORD": clickhouse.password, "DATABASE": "by_command"}.items():
        monkeypatch.setenv(f"FOREWARN_CLICKHOUSE_{name}", value)
    loaded = load_settings(data_dir=stack.data_dir)
    connection = client(endpoints(loaded), database="")
    migrate(connection, "by_command", {})
    options = ("--data-dir", stack.data_dir, "--json")
    refused = run("backup", place, "--clickhouse", *options)
    assert refused.exit_code == 2  # a server of somebody else: where to is for its owner to say
    made = run("backup", place, "--clickhouse", "--clickhouse-to", "File('by-command.tar.zst')", *options)
    assert made.exit_code == 0, made.stderr
    assert json.loads(made.stdout)["clickhouse"] == "File('by-command.tar.zst')"
    connection.command("DROP DATABASE by_command SYNC")
    back = ("--clickhouse-from", "File('by-command.tar.zst')")
    done = run("restore", json.loads(made.stdout)["file"], "--force", *back, *options)
    assert done.exit_code == 0, done.stderr
    assert connection.query("SELECT count() FROM by_command.signals").result_rows == [(0,)]
    connection.command("DROP DATABASE by_command SYNC")
    connection.close()
