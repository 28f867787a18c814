"""The system's Chromium, driven by Playwright; no browser is ever downloaded."""

import os
import shutil

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


def start_chromium(playwright: Playwright, path: str) -> Browser:
    """Start the browser without a window."""
    # Chromium's sandbox does not start for root, who runs most containers.
    sandbox = () if os.geteuid() else ("--no-sandbox",)
    return playwright.chromium.launch(executable_path=path, args=[*_ARGUMENTS, *sandbox])
