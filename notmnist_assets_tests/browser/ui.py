"""What a person does in Dagster's UI: open a page, press a button, watch a run."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import quote

from playwright.sync_api import FloatRect, Locator, Page, expect

RUN_SECONDS = 240
"""How long the longest run may take; a quiet machine needs a sixth of it."""

_ENDED = re.compile("^(Success|Failure|Canceled)$")


@dataclass(frozen=True)
class UI:
    """A browser page on a running Dagster.

    Attributes:
        page: the page; its waiting time is set by whoever opened it.
        url: where Dagster answers.
    """

    page: Page
    url: str

    def open_graph(self, selection: str = "") -> None:
        """Open the lineage of all assets, or of a selection such as `key:"splits/*"`."""
        chosen = f"~{quote(selection, safe='')}" if selection else ""
        self.page.goto(f"{self.url}/asset-groups{chosen}")
        expect(self._materialize_button).to_be_enabled()

    def groups(self, names: Sequence[str]) -> Mapping[str, FloatRect]:
        """Return where the title of each collapsed group is in the graph, once all are there."""
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
        """Press the page's button for all assets shown, and return the id of the run that is launched."""
        self._materialize_button.click()
        return self._launched()

    def unsynced(self) -> tuple[set[str], Locator]:
        """Open the list of unsynced assets; return their keys and the button that makes them."""
        self.open_graph()
        self._materialize_button.locator("xpath=following::button[1]").click()
        self.page.get_by_role("menuitem", name="Materialize unsynced").click()
        dialog = self.page.get_by_role("dialog").filter(has_text="Materialize unsynced assets")
        button = dialog.get_by_role("button", name=re.compile(r"^Materialize \d+ asset"))
        expect(button).to_be_enabled()
        links = [link.get_attribute("href") or "" for link in dialog.get_by_role("link").all()]
        return {link.removeprefix("/assets/") for link in links}, button

    def materialize_unsynced(self, button: Locator) -> str:
        """Make what `unsynced` listed, and return the run's id."""
        button.click()
        return self._launched()

    def watch(self, run_id: str) -> str:
        """Look at a run's page until it ends, and return the word that it ends with."""
        self.page.goto(f"{self.url}/runs/{run_id}")
        ending = self.page.get_by_text(_ENDED).first
        expect(ending).to_be_visible(timeout=RUN_SECONDS * 1000)
        return ending.inner_text()

    def show_picture(self, label: str) -> Locator:
        """Open the picture that the asset page holds under `label`, and return it."""
        self.page.get_by_role("row", name=label).get_by_text("[Show Markdown]").click()
        picture = self.page.get_by_role("dialog").locator("img")
        expect(picture).to_be_visible()
        return picture

    def close(self, dialog: Locator) -> None:
        """Close a dialog and wait until it is gone, so that the next one is not taken for it."""
        dialog.get_by_role("button", name="Close").click()
        expect(dialog).to_have_count(0)

    def open_schedule(self, name: str) -> None:
        """Go to a schedule's page by way of the list of all automations."""
        self.page.goto(f"{self.url}/automation")
        self.page.get_by_role("link", name=name).click()
        expect(self.schedule_switch).to_be_attached()

    @property
    def schedule_switch(self) -> Locator:
        """The switch on a schedule's page."""
        return self.page.get_by_role("row", name="Running").get_by_role("checkbox")

    def preview_tick(self) -> Locator:
        """Evaluate the schedule as its last tick would have been; return the dialog with the result."""
        self.page.get_by_role("button", name="Preview tick result").click()
        dialog = self.page.get_by_role("dialog").filter(has_text="Preview tick result")
        dialog.get_by_role("button", name="Continue").click()
        expect(dialog).to_contain_text("Requested runs")
        return dialog

    @property
    def _materialize_button(self) -> Locator:
        return self.page.get_by_role("button", name="Materialize").first

    def _launched(self) -> str:
        """Return the id of the run that a notification tells of."""
        notice = self.page.get_by_role("region", name="Notifications").get_by_role("link", name="View").last
        target = notice.get_attribute("href") or ""
        assert target.startswith("/runs/"), target
        return target.removeprefix("/runs/")
