"""A list of overrides from the stored gallery changes the next run: loop from the page to the sanitized splits."""

from pathlib import Path

import pytest
from playwright.sync_api import expect, sync_playwright

from notmnist_assets.curation.core.file_names import file_paths
from notmnist_assets.curation.core.values import Split
from notmnist_assets.settings.model import read_settings
from notmnist_assets.staleness.plan import plan_refresh
from notmnist_assets_tests.browser.chromium import require_chromium, start_chromium
from notmnist_assets_tests.workspace import Workspace, keys_of

SANITIZED = [f"sanitized/{name}" for name in ("train", "valid", "test", "removed")]


def select_in_gallery(page: Path, target: Path) -> None:
    """Select a repeat to keep and a leak to keep in the gallery, and download the list of overrides."""
    path = require_chromium()
    # In a block: Playwright keeps an event loop, and Dagster starts one for a run.
    with sync_playwright() as playwright:
        browser = start_chromium(playwright, path)
        tab = browser.new_page(viewport={"width": 1600, "height": 1000})
        for reason, action in (("repeat", "keep"), ("also+in+train", "keep"), ("repeat", "drop")):
            tab.goto(f"{page.as_uri()}#removed&reason={reason}") if tab.url == "about:blank" else tab.evaluate(
                "hash => { location.hash = hash }", f"removed&reason={reason}&order=reversed"
            )
            expect(tab.locator(".card").first).to_be_visible()
            tab.locator(".card .open").first.click()
            if action == "drop":  # the row that it repeats
                tab.locator("#detail .thumbs button").nth(1).click()
            tab.get_by_label("Override").select_option(action)
        with tab.expect_download() as download:
            tab.get_by_role("button", name="Download override list").click()
        download.value.save_as(target)
        browser.close()


def files_of(split: Split) -> set[str]:
    return set(file_paths(split.sources))


def test_overrides_from_the_gallery_change_the_sanitized_splits_of_the_next_run(
    workspace: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    overrides = tmp_path / "overrides.csv"
    select_in_gallery(Path(str(workspace.load("report/gallery"))), overrides)
    lines = [line.split(",")[:2] for line in overrides.read_text(encoding="utf-8").splitlines()[1:]]
    (repeat, _), (leak, _), (dropped, _) = lines
    assert [action for _, action in lines] == ["keep", "keep", "drop"]
    before = {key: workspace.load(key) for key in SANITIZED}
    assert repeat not in set().union(*(files_of(before[key]) for key in SANITIZED[:3]))
    monkeypatch.setenv("NOTMNIST_OVERRIDES", str(overrides))
    with workspace.instance() as instance:
        stale, _ = plan_refresh(workspace.definitions.resolve_asset_graph(), instance, read_settings())
    assert keys_of(stale) >= set(SANITIZED)
    assert "the setting overrides changed from unset to" in " ".join(stale.values())
    assert workspace.run(SANITIZED).success
    after = {key: workspace.load(key) for key in SANITIZED}
    files = set().union(*(files_of(after[key]) for key in SANITIZED[:3]))
    assert repeat in files
    assert not files & {leak, dropped}
    assert (after["sanitized/removed"]["reason"] == "override").sum() == 1
    metadata = workspace.metadata("sanitized/removed")
    assert {key: metadata[f"overrides: {key}"].value for key in ("keep", "drop", "leaks that are not kept")} == {
        "keep": 2,
        "drop": 1,
        "leaks that are not kept": 1,
    }
    overrides.write_text("key,action,label\nlarge/A/nowhere.png,drop,\n", encoding="utf-8")
    result = workspace.run(SANITIZED)
    assert not result.success
    (failure,) = [event for event in result.all_node_events if event.is_step_failure]
    text = str(failure.event_specific_data)
    assert f"{overrides}, line 2: no row of train, valid or test is made from large/A/nowhere.png" in text
