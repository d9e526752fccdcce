"""Finds a Chromium for the tests that look at the board, and installs one where that is possible.

``python -m tests.browser_install`` says what it found or did. With ``CI=true`` it fails when there is none.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
#: Without a Chinese font the board would show boxes.
PACKAGES = ("chromium", "fonts-noto-cjk")


def find() -> Path | None:
    """Return the Chromium to use: Playwright's own if it is installed, else the system's."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        own = Path(playwright.chromium.executable_path)
    if own.exists():
        return own
    return next((Path(found) for found in map(shutil.which, NAMES) if found), None)


def is_required() -> bool:
    """Return whether a missing browser is a failure, not a reason to skip."""
    return os.environ.get("CI", "").lower() in ("true", "1")


def install() -> bool:
    """Install Chromium with apt-get, if this is a Debian and we are root; return whether it worked."""
    if os.geteuid() != 0 or shutil.which("apt-get") is None:
        return False
    environment = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
    for command in (
        ["apt-get", "update", "-q"],
        ["apt-get", "install", "-y", "-q", "--no-install-recommends", *PACKAGES],
    ):
        if subprocess.run(command, env=environment, stdout=sys.stderr).returncode != 0:
            return False
    return True


def main() -> int:
    """Say which browser the tests will use; install one if there is none."""
    found = find()
    if found is None and install():
        print("installed", *PACKAGES)
        found = find()
    if found is not None:
        print(f"browser: {found}")
        return 0
    print(
        "browser: none. Install Chromium (Debian: apt-get install chromium fonts-noto-cjk), or Playwright's "
        "(.venv/bin/playwright install chromium). The tests that need it",
        "fail." if is_required() else "are skipped.",
    )
    return 1 if is_required() else 0


if __name__ == "__main__":
    sys.exit(main())
