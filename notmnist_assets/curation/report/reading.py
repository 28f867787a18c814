"""Reads the sections and tables of a stored page back, to compare them with the values they show."""

from html.parser import HTMLParser


class PageReader(HTMLParser):
    """Collects what `feed` is given.

    Attributes:
        sections: ids of the sections, in order.
        tables: by id, the texts of each body row; of a number its exact value instead.
    """

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.sections: list[str] = []
        self.tables: dict[str, list[list[str]]] = {}
        self._table = ""
        self._open: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:  # noqa: D102 - as HTMLParser's
        given = {name: value or "" for name, value in attrs}
        self._open.add(tag)
        if tag == "section":
            self.sections.append(given.get("id", ""))
        elif tag == "table":
            self._table = given.get("id", "")
            self.tables[self._table] = []
        elif "tbody" in self._open:
            rows = self.tables[self._table]
            if tag == "tr":
                rows.append([])
            elif tag in ("td", "th"):
                rows[-1].append("")
            elif tag == "data":
                rows[-1][-1] = given["value"]

    def handle_endtag(self, tag: str) -> None:  # noqa: D102
        self._open.discard(tag)

    def handle_data(self, data: str) -> None:  # noqa: D102
        if "tbody" in self._open and self._open & {"td", "th"} and "data" not in self._open:
            self.tables[self._table][-1][-1] += data.strip()
