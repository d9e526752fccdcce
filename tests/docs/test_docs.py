"""What is documented is true: links lead somewhere, commands and their options exist."""

from __future__ import annotations

import re
import shlex
import subprocess
from collections.abc import Iterator
from importlib.metadata import distributions
from pathlib import Path
from typing import Any

import click
import pytest
import yaml
from typer.main import get_command

from streams.cli import app

ROOT = Path(__file__).parents[2]
OUR_PACKAGES = {"connectors", "dashboards", "detectors", "streams"}
_LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")
_BLOCK = re.compile(r"^```(console|sh|bash|shell)\n(.*?)^```", re.MULTILINE | re.DOTALL)
_INLINE = re.compile(r"`((?:make|forewarn) [^`]+)`")
_TARGETS = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
# Put together here, so that this file does not hold what it looks for.
_HOSTS = ("pypi" + ".org", "pythonhosted" + ".org", "npmjs" + ".org", "crates" + ".io", "maven" + ".org",
          "docker" + ".io", "docker" + ".com", "proxy.golang" + ".org")  # fmt: skip
_PLACES = (*(f"/{place}/" for place in ("work", "home", "root")), "/tmp" + "/fw")


def tracked(*patterns: str) -> list[Path]:
    listed = subprocess.run(["git", "ls-files", "-z", *patterns], cwd=ROOT, capture_output=True, text=True, check=True)
    return [ROOT / name for name in listed.stdout.split("\0") if name and (ROOT / name).exists()]


PAGES = tracked("*.md") or pytest.skip("not a git work tree", allow_module_level=True)


def anchors(page: Path) -> set[str]:
    headings = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-") for heading in headings}


def test_every_page_is_in_the_index() -> None:
    linked = set(_LINK.findall((ROOT / "docs" / "README.md").read_text(encoding="utf-8")))
    for page in PAGES:
        if page.parent == ROOT / "docs" and page.name != "README.md":
            assert page.name in {link.partition("#")[0] for link in linked}, page.name


def shown_commands(page: Path) -> Iterator[list[str]]:
    """Yield the commands of a page: lines of shell blocks, and make and forewarn between backquotes."""
    text = page.read_text(encoding="utf-8")
    for language, block in _BLOCK.findall(text):
        for line in block.replace("\\\n", " ").splitlines():
            if language == "console" and not line.startswith("$ "):
                continue  # output
            if line.strip() and not line.startswith("#"):
                yield shlex.split(line.removeprefix("$ "), comments=True)
    for command in _INLINE.findall(text):
        yield shlex.split(command)


def meant(word: str) -> str:
    """Return the command of a word such as ``.venv/bin/forewarn``."""
    return word.rsplit("/", 1)[-1]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_relative_links_lead_somewhere(page: Path) -> None:
    for link in _LINK.findall(page.read_text(encoding="utf-8")):
        if re.match(r"[a-z]+:", link):
            continue
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        assert target.exists(), link
        if anchor and target.suffix == ".md":
            assert anchor in anchors(target), link


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_commands_and_their_options_exist(page: Path) -> None:
    for words in shown_commands(page):
        words = [word for word in words if not re.match(r"[A-Z_]+=", word)]  # settings before the command
        if words and meant(words[0]) == "forewarn":
            check_command(get_command(app), words[1:])
        if words and words[0] == "make":
            targets = {word for word in words[1:] if not word.startswith("-") and "=" not in word}
            assert targets <= _TARGETS, words


def check_command(command: Any, words: list[str]) -> None:
    """Check every subcommand and option; values are not looked at."""
    context = click.Context(command)
    rest = list(words)
    while rest and hasattr(command, "get_command"):
        name = rest.pop(0)
        for one in re.split(r"\|", name):  # `config show|check` means both
            found = command.get_command(context, one)
            assert found is not None or name.startswith("-"), f"no command {name} in: forewarn {' '.join(words)}"
        command = found or command
    options = {option for parameter in command.params for option in (*parameter.opts, *parameter.secondary_opts)}
    for word in rest:
        if word.startswith("--") and word != "--help":
            assert word.split("=")[0] in options, f"no option {word} in: forewarn {' '.join(words)}"


def test_no_file_names_a_registry_or_a_place_on_somebodys_machine() -> None:
    for path in tracked(
        "*.md", "*.py", "*.toml", "*.yaml", "*.txt", "*.lock", "*.json", "Makefile", "docker/*", ".ci/*"
    ):
        text = path.read_text(encoding="utf-8")
        for found in (*_HOSTS, *_PLACES):
            assert found not in text, f"{path.relative_to(ROOT)} holds {found}"


def test_hooks_run_parts_of_make_check_and_fetch_nothing() -> None:
    hooks = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text(encoding="utf-8"))
    (repository,) = hooks["repos"]
    assert repository["repo"] == "local"
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8").replace("$(BIN)", ".venv/bin")
    for hook in repository["hooks"]:
        assert hook["language"] == "system"
        assert hook["entry"] in makefile


def test_no_other_distribution_claims_our_package_names() -> None:
    for distribution in distributions():
        if distribution.metadata["Name"] == "forewarn":
            continue
        claimed = {file.parts[0] for file in distribution.files or () if len(file.parts) > 1}
        assert not claimed & OUR_PACKAGES, distribution.metadata["Name"]


def test_packages_say_that_they_are_typed() -> None:
    for package in OUR_PACKAGES:
        assert (ROOT / package / "py.typed").exists()
