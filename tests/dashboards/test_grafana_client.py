"""The real grafana-client against the shipped fake of Grafana, in an environment of its own."""

from __future__ import annotations

import json
import os
import shutil
import site
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import uvicorn

from connectors.embedded import free_port
from dashboards.grafana import shipped
from dashboards.grafana.fake import FakeGrafana

pytestmark = pytest.mark.stack
ROOT = Path(__file__).parents[2]
REQUIREMENT = "grafana-client==5.1.4"
TOKEN, PASSWORD = "glsa_token-of-the-test", "password-of-the-reader"


@pytest.fixture(scope="session")
def python() -> Path:
    """A Python with grafana-client, which must not be in ours: it replaces urllib3. Made once, kept in the cache."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "forewarn"
    place = cache / f"{REQUIREMENT}-py{sys.version_info.major}{sys.version_info.minor}"
    found = place / "bin" / "python"
    if not (place / "complete").exists():
        shutil.rmtree(place, ignore_errors=True)
        cache.mkdir(parents=True, exist_ok=True)
        commands = [[sys.executable, "-m", "venv", str(place)], [str(found), "-m", "pip", "install", "-q", REQUIREMENT]]
        for command in commands:
            done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=240)
            if done.returncode:
                told = f"no environment with {REQUIREMENT}: {done.stderr[-400:]}"
                pytest.fail(told) if os.environ.get("CI") == "true" else pytest.skip(told)
        (place / "complete").touch()
    # Everything else comes from our environment, behind its own packages.
    library = next((place / "lib").glob("python*")) / "site-packages"
    ours = f"import site; site.addsitedir({site.getsitepackages()[0]!r})\n"
    (library / "forewarn-behind.pth").write_text(ours, encoding="utf-8")
    return found


@pytest.fixture
def grafana() -> Iterator[tuple[FakeGrafana, str]]:
    """A fake Grafana on a loopback port."""
    fake, port = FakeGrafana(TOKEN), free_port()
    server = uvicorn.Server(uvicorn.Config(fake.app(), host="127.0.0.1", port=port, log_level="error"))
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        yield fake, f"http://127.0.0.1:{port}"
    finally:
        server.should_exit = True
        thread.join(timeout=10)


def provision(python: Path, url: str, **environment: str) -> subprocess.CompletedProcess[str]:
    script = "from streams.cli.grafana import grafana_app; grafana_app()"
    command = [str(python), "-W", "ignore", "-c", script, "provision", "--url", url, "--json"]
    command += ["--clickhouse-url", "http://clickhouse:8123"]
    kept = {name: value for name, value in os.environ.items() if not name.startswith("FOREWARN_")}
    given = {"FOREWARN_GRAFANA_TOKEN": TOKEN, "FOREWARN_GRAFANA_CLICKHOUSE_PASSWORD": PASSWORD} | environment
    return subprocess.run(command, cwd=ROOT, env=kept | given, capture_output=True, text=True, check=False, timeout=120)


def told(done: subprocess.CompletedProcess[str]) -> str:
    """Return all that was printed, without line breaks; no secret may be in it."""
    printed = " ".join((done.stdout + done.stderr).split())
    assert TOKEN not in printed
    assert PASSWORD not in printed
    return printed


def test_the_real_client_provisions_and_then_changes_nothing(python: Path, grafana: tuple[FakeGrafana, str]) -> None:
    fake, url = grafana
    first = provision(python, url)
    assert first.returncode == 0, told(first)
    assert {step["outcome"] for step in json.loads(first.stdout)["steps"]} == {"created"}
    assert json.loads(first.stdout)["data_source_problem"] == ""
    assert fake.passwords == {shipped.DATA_SOURCE_UID: PASSWORD}
    assert fake.dashboards.keys() == {board["uid"] for board in shipped.dashboards()}
    assert fake.groups.keys() == {(shipped.FOLDER_UID, "watch the watchers")}
    fake.requests.clear()
    second = provision(python, url, FOREWARN_GRAFANA_CLICKHOUSE_PASSWORD="")
    assert second.returncode == 0, told(second)
    assert {step["outcome"] for step in json.loads(second.stdout)["steps"]} == {"unchanged"}
    assert fake.writes() == []
    assert not {TOKEN, PASSWORD} & set(told(first).split())


def test_failures_of_the_server_are_tried_again_and_lost_answers_found_done(
    python: Path, grafana: tuple[FakeGrafana, str]
) -> None:
    fake, url = grafana
    fake.failures, fake.lost = [503, 0, 429], 2
    done = provision(python, url)
    assert done.returncode == 0, told(done)
    assert fake.dashboards.keys() == {board["uid"] for board in shipped.dashboards()}
    assert len([call for call in fake.writes() if call == ("POST", "/api/datasources")]) == 1


def test_a_wrong_token_is_told_plainly_and_not_shown(python: Path, grafana: tuple[FakeGrafana, str]) -> None:
    _, url = grafana
    done = provision(python, url, FOREWARN_GRAFANA_TOKEN="glsa_wrong")
    assert done.returncode == 1
    assert "role Admin" in told(done)
    assert "glsa_wrong" not in told(done)
    assert "Traceback" not in told(done)


def test_a_data_source_that_does_not_work_is_a_warning(python: Path, grafana: tuple[FakeGrafana, str]) -> None:
    _, url = grafana
    done = provision(python, url, FOREWARN_GRAFANA_CLICKHOUSE_PASSWORD="")
    assert done.returncode == 0, told(done)
    assert "cannot query ClickHouse yet" in told(done)
