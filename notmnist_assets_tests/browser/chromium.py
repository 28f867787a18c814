"""The system's Chromium, driven by Playwright; no browser is ever downloaded."""

import os
import shutil

import pytest
from playwright.sync_api import Browser, Playwright

NAMES = ("chromium", "chromium-browser", "google-chrome")

# Nothing here needs a graphics card, and nothing may call Google's servers.
_ARGUMENTS = (
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


def find_chromium() -> str | None:
    """Return the path of the installed browser, if there is one."""
    return next((path for name in NAMES if (path := shutil.which(name))), None)


def require_chromium() -> str:
    """Return the path of the installed browser; without one, skip the test, or fail where CI runs it."""
    path = find_chromium()
    if path is None:
        reason = f"no browser: none of {', '.join(NAMES)} is installed; Debian has it as: apt-get install chromium"
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)
    return path


def start_chromium(playwright: Playwright, path: str) -> Browser:
    """Start the browser without a window."""
    # Chromium's sandbox does not start for root, who runs most containers.
    sandbox = () if os.geteuid() else ("--no-sandbox",)
    return playwright.chromium.launch(executable_path=path, args=[*_ARGUMENTS, *sandbox])
