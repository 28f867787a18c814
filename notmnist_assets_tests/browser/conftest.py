"""Fixtures for tests of Dagster's UI on tiny archives, in the system's Chromium; failed tests keep a screenshot."""

import subprocess
import sys
from collections.abc import Generator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, expect, sync_playwright

from notmnist_assets.settings.model import read_settings
from notmnist_assets.staleness.plan import plan_refresh
from notmnist_assets_tests.archives import write_archives
from notmnist_assets_tests.browser.chromium import require_chromium, start_chromium
from notmnist_assets_tests.browser.dev_server import DevServer, dev_server
from notmnist_assets_tests.browser.ui import UI
from notmnist_assets_tests.workspace import Workspace

PAGE_SECONDS = 45
"""Time limit of all expectations about a page, long enough for a busy machine."""


@dataclass(frozen=True)
class Site:
    """A workspace and the Dagster that serves it."""

    workspace: Workspace
    server: DevServer


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    path = require_chromium()
    with sync_playwright() as playwright:
        browser = start_chromium(playwright, path)
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def site(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """One Dagster for all tests, because it takes longer to start than most of them."""
    workspace = Workspace(tmp_path_factory.mktemp("site"))
    write_archives(workspace.archives)
    with pytest.MonkeyPatch.context() as patch:
        workspace.enter(patch)
        with dev_server(workspace.home) as server:
            yield Site(workspace, server)


@pytest.fixture
def workspace(site: Site, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    """The workspace that the UI shows, in the state that earlier tests left."""
    site.workspace.enter(monkeypatch)
    return site.workspace


@pytest.fixture
def made(workspace: Workspace) -> Workspace:
    """The workspace with the first archives and all assets up to date."""
    write_archives(workspace.archives)
    with workspace.instance() as instance:
        stale, blocked = plan_refresh(workspace.definitions.resolve_asset_graph(), instance, read_settings())
    if stale or blocked:
        # In a process of its own: Playwright keeps an event loop in this one, and Dagster starts one for a run.
        command = [str(Path(sys.executable).with_name("notmnist")), "run"]
        ended = subprocess.run(command, capture_output=True, text=True, check=False)
        assert ended.returncode == 0, ended.stderr
    return workspace


@pytest.fixture
def ui(browser: Browser, site: Site, tmp_path: Path) -> Iterator[UI]:
    """A page without the cookies and storage of earlier tests."""
    expect.set_options(timeout=PAGE_SECONDS * 1000)
    context = browser.new_context(viewport={"width": 1600, "height": 1000})
    context.set_default_timeout(PAGE_SECONDS * 1000)
    yield UI(context.new_page(), site.server.url)
    context.close()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Store a screenshot and the HTML of the page of a failed test, and add their paths to its report."""
    report = yield
    fixtures: dict[str, Any] = getattr(item, "funcargs", {})
    if report.when == "call" and report.failed and {"ui", "site", "tmp_path"} <= fixtures.keys():
        ui, site, folder = fixtures["ui"], fixtures["site"], fixtures["tmp_path"]
        ui.page.screenshot(path=folder / "page.png")
        (folder / "page.html").write_text(ui.page.content())
        text = f"{ui.page.url}\nstored in {folder}/page.png, page.html\n\n{site.server.log.read_text()[-4000:]}"
        report.sections.append(("browser and UI", text))
    return report
