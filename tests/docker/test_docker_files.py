"""The files of docker/, as far as they can be checked without Docker."""

from __future__ import annotations

import os
import re
import subprocess
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.main import get_command

from dashboards.grafana import shipped
from streams.cli import app
from streams.health import Beacon, path_of
from streams.settings import Settings
from streams.settings_table import OTHER_VARIABLES, variable

ROOT = Path(__file__).parents[2]
DOCKER = ROOT / "docker"
COMPOSE: dict[str, Any] = yaml.safe_load((DOCKER / "compose.yaml").read_text(encoding="utf-8"))
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
OURS = {name: service for name, service in SERVICES.items() if service["image"].startswith("forewarn:")}
#: What a service may say; a mistyped key would be ignored by nobody but us.
KNOWN_KEYS = {
    "build", "cap_drop", "command", "depends_on", "environment", "healthcheck", "image", "init", "ports", "read_only",
    "restart", "security_opt", "stop_grace_period", "tmpfs", "ulimits", "volumes",
}  # fmt: skip


def test_there_is_no_python_in_docker() -> None:
    assert not list(DOCKER.rglob("*.py"))


@pytest.mark.parametrize("name", sorted(SERVICES))
def test_a_service_says_only_what_compose_knows(name: str) -> None:
    assert SERVICES[name].keys() <= KNOWN_KEYS
    for dependency in SERVICES[name].get("depends_on", {}):
        assert dependency in SERVICES


@pytest.mark.parametrize("name", sorted(SERVICES))
def test_images_are_pinned(name: str) -> None:
    repository, _, tag = SERVICES[name]["image"].partition(":")
    assert repository
    assert re.match(r"\d+\.\d+", tag), "a version, not a moving name"


def test_the_dockerfile_starts_from_a_pinned_image_and_runs_as_nobody_special() -> None:
    lines = (DOCKER / "Dockerfile").read_text(encoding="utf-8").splitlines()
    bases = {line.split()[1] for line in lines if line.startswith("FROM ")}
    assert len(bases) == 1
    assert re.fullmatch(r"python:3\.11\.\d+-slim-\w+", bases.pop())
    text = "\n".join(lines)
    assert "--require-hashes" in text
    assert re.search(r"^USER \d+:\d+$", text, re.MULTILINE)
    assert "HEALTHCHECK" in text
    assert not re.search(r"\b(gcc|g\+\+|build-essential|apt-get)\b", text)


def test_the_health_check_believes_a_beacon_that_is_fresh_and_running(tmp_path: Path) -> None:
    text = (DOCKER / "Dockerfile").read_text(encoding="utf-8")
    (check,) = re.findall(r"^HEALTHCHECK .*?CMD (.*)$", text.replace("\\\n", " "), re.MULTILINE)

    def healthy() -> bool:
        environment = {"FOREWARN_DATA_DIR": str(tmp_path), "PATH": os.environ["PATH"]}
        done = subprocess.run(["sh", "-c", check], env=environment, stderr=subprocess.DEVNULL, check=False, timeout=30)
        return done.returncode == 0

    assert not healthy()
    beacon = Beacon(tmp_path, "scorer-0")
    beacon.beat("starting")
    assert not healthy()
    beacon.beat()
    assert healthy()
    path = path_of(tmp_path, "scorer-0")
    long_ago = path.stat().st_mtime - 60
    os.utime(path, (long_ago, long_ago))
    assert not healthy()


def test_everything_that_is_copied_into_the_image_exists_and_is_not_ignored() -> None:
    ignore = (DOCKER / "Dockerfile.dockerignore").read_text(encoding="utf-8").splitlines()
    for line in (DOCKER / "Dockerfile").read_text(encoding="utf-8").splitlines():
        if line.startswith("COPY ") and "--from" not in line:
            for source in line.split()[1:-1]:
                assert (ROOT / source).exists()
                assert f"!{source}" in ignore


@pytest.mark.parametrize("name", sorted(OURS))
def test_our_containers_cannot_write_to_their_image_and_hold_no_rights(name: str) -> None:
    service = SERVICES[name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]


@pytest.mark.parametrize("name", sorted(OURS))
def test_our_containers_run_commands_that_exist(name: str) -> None:
    command = get_command(app)
    line = SERVICES[name]["command"]
    with command.make_context("forewarn", list(line), resilient_parsing=True) as context:
        found = command.get_command(context, line[0])  # type: ignore[attr-defined]  # typer says Command, it is a Group
    assert found is not None, f"there is no command {line[0]}"
    options = {option for parameter in found.params for option in parameter.opts}
    assert {word for word in line[1:] if word.startswith("--")} <= options


def test_every_process_that_the_path_of_a_signal_needs_is_there() -> None:
    commands = [service["command"][0] for service in OURS.values()]
    assert sorted(commands) == ["migrate", "notifier", "recorder", "scorer", "scorer", "serve", "topics"]
    numbers = [service["command"][2] for service in OURS.values() if service["command"][0] == "scorer"]
    assert len(set(numbers)) == 2


def test_one_shots_end_and_the_others_wait_for_them() -> None:
    for name in ("topics", "migrate"):
        assert OURS[name]["restart"].startswith("on-failure")
    for name in ("scorer-0", "scorer-1", "recorder", "notifier", "serve"):
        waits = OURS[name]["depends_on"]
        assert {waits[one]["condition"] for one in ("topics", "migrate")} == {"service_completed_successfully"}


@pytest.mark.parametrize("name", sorted(set(SERVICES) - {"topics", "migrate"}))
def test_what_runs_is_watched(name: str) -> None:
    service = SERVICES[name]
    assert "healthcheck" in service or name in OURS  # ours have the image's own


@pytest.mark.parametrize("name", sorted(SERVICES))
def test_ports_are_open_on_loopback_only(name: str) -> None:
    for port in SERVICES[name].get("ports", ()):
        assert re.fullmatch(r"127\.0\.0\.1:\d+:\d+", port)


@pytest.mark.parametrize("name", sorted(SERVICES))
def test_secrets_come_from_the_environment_and_compose_refuses_without(name: str) -> None:
    for key, value in SERVICES[name].get("environment", {}).items():
        if re.search(r"PASSWORD|SECRET|TOKEN", key):
            assert re.fullmatch(r"\$\{[A-Z_]+:\?[^}]+\}", value), key


def test_the_example_names_every_secret_and_gives_none() -> None:
    example = dict(
        line.split("=", 1)
        for line in (DOCKER / ".env.example").read_text(encoding="utf-8").splitlines()
        if line and not line.startswith("#")
    )
    assert set(example.values()) == {""}
    asked = set(re.findall(r"\$\{([A-Z_]+):\?", (DOCKER / "compose.yaml").read_text(encoding="utf-8")))
    assert asked == example.keys()
    assert "docker/.env" in (ROOT / ".gitignore").read_text(encoding="utf-8").splitlines()


def test_every_variable_of_ours_is_a_setting() -> None:
    known = {variable(name) for name in Settings.model_fields} | set(OTHER_VARIABLES)
    for path in DOCKER.rglob("*"):
        if path.is_file():
            used = set(re.findall(r"FOREWARN_[A-Z_]+", path.read_text(encoding="utf-8")))
            assert used <= known, path.name


def test_volumes_are_declared_and_bound_files_exist() -> None:
    for service in SERVICES.values():
        for volume in service.get("volumes", ()):
            source = volume.split(":")[0]
            if source.startswith("."):
                assert (DOCKER / source).exists(), source
                assert volume.endswith(":ro")
            else:
                assert source in COMPOSE["volumes"]


def test_grafana_gets_the_data_source_that_the_rules_ask_and_the_folder_of_the_dashboards() -> None:
    sources = yaml.safe_load((DOCKER / "grafana/datasources/forewarn.yaml").read_text(encoding="utf-8"))
    (source,) = sources["datasources"]
    assert (source["uid"], source["type"]) == (shipped.DATA_SOURCE_UID, shipped.DATA_SOURCE_TYPE)
    assert source["secureJsonData"]["password"].startswith("${")
    assert source["jsonData"]["defaultDatabase"] == Settings.model_fields["clickhouse_database"].default
    (provider,) = yaml.safe_load((DOCKER / "grafana/dashboards/forewarn.yaml").read_text(encoding="utf-8"))["providers"]
    assert (provider["folder"], provider["folderUid"]) == (shipped.FOLDER_TITLE, shipped.FOLDER_UID)
    targets = {volume.split(":")[1] for volume in SERVICES["grafana"]["volumes"]}
    assert provider["options"]["path"] in targets
    home = SERVICES["grafana"]["environment"]["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"]
    assert (shipped.DASHBOARDS / Path(home).name).exists()


def test_the_plug_in_is_the_one_that_the_queries_were_written_for() -> None:
    written = {
        target["pluginVersion"] for board in shipped.dashboards() for p in board["panels"] for target in p["targets"]
    }
    assert SERVICES["grafana"]["environment"]["GF_PLUGINS_PREINSTALL_SYNC"].split("@")[1] in written
    assert len(written) == 1


def test_grafanas_user_of_clickhouse_may_only_select() -> None:
    users = ET.parse(DOCKER / "clickhouse/users.d/forewarn.xml").getroot().find("users")
    assert users is not None
    grafana = users.find("grafana")
    default = users.find("default")
    assert grafana is not None
    assert default is not None
    assert default.get("remove") == "remove"
    grants = [grant.text or "" for grant in grafana.findall("grants/query")]
    assert grants
    assert all(grant.startswith("GRANT SELECT ON ") for grant in grants)
    assert "GRANT SELECT ON forewarn.*" in grants
    for user in users:
        password = user.find("password")
        assert user.tag == "default" or (password is not None and password.get("from_env") and not password.text)
