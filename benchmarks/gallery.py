"""Measures the gallery in Chromium with 100,000 items listed: `python -m benchmarks.gallery GALLERY.html`."""

import json
import sys
import tempfile
import time
from pathlib import Path

import rich
from playwright.sync_api import CDPSession, Page, sync_playwright

from notmnist_assets_tests.browser.chromium import require_chromium, start_chromium

_SCROLL = """async () => {
  const frames = [], end = performance.now() + 4000;
  for (let last = await new Promise(requestAnimationFrame), now = last, way = 1; now < end; last = now) {
    if (scrollY + innerHeight >= document.documentElement.scrollHeight - 1) way = -1; else if (scrollY <= 0) way = 1;
    scrollBy(0, 25 * way);
    frames.push((now = await new Promise(requestAnimationFrame)) - last);
  }
  return frames.sort((one, other) => one - other);
}"""


def repeated(page: str, listed: int) -> str:
    """Return the page with its removed rows repeated until there are so many."""
    head, rest = page.split('id="data">', 1)
    values, end = json.JSONDecoder().raw_decode(rest)
    items = values["items"]["removed"]
    times = -(-listed // len(items["sizes"]))
    items |= {name: column * times for name, column in items.items() if isinstance(column, list)}
    return f'{head}id="data">{json.dumps(values)}{rest[end:]}'


def seconds(session: CDPSession) -> tuple[float, float]:
    """Return how long the main thread of the page has worked, and its scripts."""
    found = {one["name"]: one["value"] for one in session.send("Performance.getMetrics")["metrics"]}
    return found["TaskDuration"], found["ScriptDuration"]


def measure(page: Page, path: Path) -> None:
    """Print the seconds until all pictures are decoded, and the frames while 240 pictures scroll."""
    session = page.context.new_cdp_session(page)
    session.send("Performance.enable")
    start = time.perf_counter()
    page.goto(f"{path.as_uri()}#removed&per=240")
    page.wait_for_selector("body[data-decoded]")
    loaded = time.perf_counter() - start
    before, frames, after = seconds(session), page.evaluate(_SCROLL), seconds(session)
    work, script = (1000 * (end - begin) / len(frames) for begin, end in zip(before, after, strict=True))
    rich.print(f"{path.stat().st_size / 1e6:.1f} MB loaded in {loaded:.1f} s; {page.locator('#status').inner_text()}")
    rich.print(
        f"{1000 * len(frames) / sum(frames):.0f} frames a second: {work:.1f} ms of work, {script:.2f} in scripts"
    )


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        path = Path(folder) / "gallery.html"
        path.write_text(repeated(Path(sys.argv[1]).read_text(encoding="utf-8"), 100_000), encoding="utf-8")
        measure(start_chromium(playwright, require_chromium()).new_page(viewport={"width": 1600, "height": 1000}), path)
