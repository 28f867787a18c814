"""Actions in Dagster's UI: opening pages, pressing buttons, waiting for runs."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import quote

from playwright.sync_api import FloatRect, Locator, Page, expect

RUN_SECONDS = 240
"""Time limit of the longest run, six times as long as on an idle machine."""

_ENDED = re.compile("^(Success|Failure|Canceled)$")


@dataclass(frozen=True)
class UI:
    """A browser page on a running Dagster.

    Attributes:
        page: the page, with its timeout set.
        url: URL of Dagster's webserver.
    """

    page: Page
    url: str

    def open_graph(self, selection: str = "") -> None:
        """Open the lineage of all assets, or of a selection such as `key:"splits/*"`."""
        chosen = f"~{quote(selection, safe='')}" if selection else ""
        self.page.goto(f"{self.url}/asset-groups{chosen}")
        expect(self._materialize_button).to_be_enabled()

    def groups(self, names: Sequence[str]) -> Mapping[str, FloatRect]:
        """Return the bounding box of each collapsed group's title in the graph, once all are visible."""
        boxes = {}
        for name in names:
            title = self.page.locator("foreignObject").get_by_text(name, exact=True)
            expect(title).to_be_in_viewport(ratio=1)
            box = title.bounding_box()
            assert box is not None
            boxes[name] = box
        return boxes

    def open_asset(self, key: str, view: str = "overview") -> None:
        """Open an asset's page: its overview, events, checks or lineage."""
        self.page.goto(f"{self.url}/assets/{key}?view={view}")
        expect(self._materialize_button).to_be_enabled()

    def materialize(self) -> str:
        """Press the button that materializes all assets of the page, and return the id of the launched run."""
        self._materialize_button.click()
        return self._launched()

    def observe(self, key: str) -> str:
        """Press the button of a source's page and return the id of the run that is launched."""
        self.page.goto(f"{self.url}/assets/{key}?view=overview")
        self.page.get_by_role("button", name="Observe").first.click()
        return self._launched()

    def unsynced(self) -> tuple[set[str], Locator]:
        """Open the list of unsynced assets; return their keys and the button that materializes them."""
        self.open_graph()
        self._materialize_button.locator("xpath=following::button[1]").click()
        self.page.get_by_role("menuitem", name="Materialize unsynced").click()
        dialog = self.page.get_by_role("dialog").filter(has_text="Materialize unsynced assets")
        button = dialog.get_by_role("button", name=re.compile(r"^Materialize \d+ asset"))
        expect(button).to_be_enabled()
        links = [link.get_attribute("href") or "" for link in dialog.get_by_role("link").all()]
        return {link.removeprefix("/assets/") for link in links}, button

    def materialize_unsynced(self, button: Locator) -> str:
        """Press the button that `unsynced` returned, and return the id of the launched run."""
        button.click()
        return self._launched()

    def watch(self, run_id: str) -> str:
        """Wait on a run's page until the run ends, and return its status."""
        self.page.goto(f"{self.url}/runs/{run_id}")
        ending = self.page.get_by_text(_ENDED).first
        expect(ending).to_be_visible(timeout=RUN_SECONDS * 1000)
        return ending.inner_text()

    def show_picture(self, label: str) -> Locator:
        """Open the picture that the asset page shows under `label`, and return it."""
        self.page.get_by_role("row", name=label).get_by_text("[Show Markdown]").click()
        picture = self.page.get_by_role("dialog").locator("img")
        expect(picture).to_be_visible()
        return picture

    def close(self, dialog: Locator) -> None:
        """Close a dialog and wait until it is gone, so that it is not mistaken for the next one."""
        dialog.get_by_role("button", name="Close").click()
        expect(dialog).to_have_count(0)

    def open_schedule(self, name: str) -> None:
        """Open a schedule's page from the list of all automations."""
        self.page.goto(f"{self.url}/automation")
        self.page.get_by_role("link", name=name).click()
        expect(self.schedule_switch).to_be_attached()

    @property
    def schedule_switch(self) -> Locator:
        """The switch on a schedule's page."""
        return self.page.get_by_role("row", name="Running").get_by_role("checkbox")

    def preview_tick(self) -> Locator:
        """Evaluate the last tick of the schedule; return the dialog with the result."""
        self.page.get_by_role("button", name="Preview tick result").click()
        dialog = self.page.get_by_role("dialog").filter(has_text="Preview tick result")
        dialog.get_by_role("button", name="Continue").click()
        expect(dialog).to_contain_text("Requested runs")
        return dialog

    @property
    def _materialize_button(self) -> Locator:
        return self.page.get_by_role("button", name="Materialize").first

    def _launched(self) -> str:
        """Return the id of the run in the last notification."""
        notice = self.page.get_by_role("region", name="Notifications").get_by_role("link", name="View").last
        target = notice.get_attribute("href") or ""
        assert target.startswith("/runs/"), target
        return target.removeprefix("/runs/")
