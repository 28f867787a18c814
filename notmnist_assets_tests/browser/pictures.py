"""Takes the README's pictures in the UI: python -m notmnist_assets_tests.browser.pictures [FOLDER]

The assets of the sample are materialized below FOLDER, or below a temporary folder; with a FOLDER, the next call
materializes only what is out of date.
"""

import io
import os
import sys
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path

from PIL import Image
from playwright.sync_api import expect, sync_playwright

from notmnist_assets.cli.execution import refresh
from notmnist_assets.definitions import defs
from notmnist_assets.runs.instance import open_instance
from notmnist_assets.settings.model import project_home
from notmnist_assets_tests.browser.chromium import find_chromium, start_chromium
from notmnist_assets_tests.browser.dev_server import dev_server
from notmnist_assets_tests.browser.ui import UI
from notmnist_assets_tests.specs import asset_specs

TARGET = project_home() / "docs" / "pictures"
COLOURS = 256
WAIT = 60_000
_MARGIN = 24


def graph(ui: UI) -> bytes:
    """Show the flow from the archives to the exports, with a box for each group.

    The report is left out, because it depends on every group and its arrows would hide the others.
    """
    # High enough that the buttons at the lower right do not cover the last group.
    ui.page.set_viewport_size({"width": 1280, "height": 1300})
    ui.open_graph('not group:"report"')
    groups = {spec.group_name or "" for spec in asset_specs(defs)} - {"report"}
    boxes = ui.groups(sorted(groups)).values()
    left = min(box["x"] for box in boxes) - _MARGIN
    top = min(box["y"] for box in boxes) - _MARGIN
    right = max(box["x"] + box["width"] for box in boxes) + _MARGIN
    bottom = max(box["y"] + box["height"] for box in boxes) + _MARGIN
    return ui.page.screenshot(clip={"x": left, "y": top, "width": right - left, "height": bottom - top})


def gallery(ui: UI) -> bytes:
    """Show images that are in two splits."""
    return _opened(ui, "overlap/report", "across_splits")


def learning_curve(ui: UI) -> bytes:
    """Show the accuracies on raw and sanitized splits."""
    return _opened(ui, "baselines/metrics", "learning_curve")


def checks(ui: UI) -> bytes:
    """Show the checks of the sanitized test split, with the details of `no_shared_images`."""
    ui.page.set_viewport_size({"width": 1600, "height": 640})
    ui.open_asset("sanitized/test", "checks&checkDetail=no_shared_images")
    expect(ui.page.get_by_text("Passed").first).to_be_visible()
    # Icons are loaded last.
    ui.page.wait_for_load_state("networkidle")
    return ui.page.screenshot()


PICTURES: Mapping[str, Callable[[UI], bytes]] = {
    "graph": graph,
    "gallery": gallery,
    "checks": checks,
    "learning_curve": learning_curve,
}


def main(folder: Path) -> None:
    """Materialize every asset of the sample, then store every picture."""
    path = find_chromium()
    if path is None:
        sys.exit("The pictures are made with Chromium, and none is installed: apt-get install chromium")
    home = folder / "home"
    home.mkdir(parents=True, exist_ok=True)
    os.environ |= {
        "DAGSTER_HOME": str(home),
        "NOTMNIST_PROFILE": "sample",
        "NOTMNIST_STORAGE": str(folder / "data"),
    }
    with dev_server(home) as server:
        with open_instance() as instance:
            outcome = refresh(instance)
        if not outcome.success:
            sys.exit(f"The sample was not made: {outcome.failures}")
        TARGET.mkdir(parents=True, exist_ok=True)
        with sync_playwright() as playwright:
            browser = start_chromium(playwright, path)
            for name, take in PICTURES.items():
                page = browser.new_page(device_scale_factor=2)
                page.set_default_timeout(WAIT)
                expect.set_options(timeout=WAIT)
                _save(take(UI(page, server.url)), TARGET / f"{name}.png")
                page.close()
            browser.close()


def _opened(ui: UI, key: str, label: str) -> bytes:
    ui.page.set_viewport_size({"width": 1600, "height": 720})
    ui.open_asset(key)
    expect(ui.show_picture(label)).to_be_in_viewport()
    return ui.page.get_by_role("dialog").screenshot(animations="disabled")


def _save(png: bytes, path: Path) -> None:
    """Store a picture with few colours, because the repository keeps every version."""
    picture = Image.open(io.BytesIO(png)).convert("RGB").quantize(COLOURS, dither=Image.Dither.NONE)
    picture.save(path, optimize=True)
    print(f"{path.relative_to(project_home())}: {path.stat().st_size / 1000:.0f} kB")  # noqa: T201


if __name__ == "__main__":
    if len(sys.argv) > 1:
        main(Path(sys.argv[1]).absolute())
    else:
        with tempfile.TemporaryDirectory() as temporary:
            main(Path(temporary))
