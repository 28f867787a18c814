"""Adds the results of checks to a copy of the report."""

from collections import Counter
from collections.abc import Sequence
from html import escape
from typing import Final, NamedTuple

from notmnist_assets.curation.core.wording import counted, printable

_ALARMS: Final = ("failed", "warned")


class CheckLine(NamedTuple):
    """A check of an asset: its outcome, actual value and threshold, as text."""

    asset: str
    check: str
    outcome: str
    actual: str
    threshold: str


def with_checks(page: bytes, lines: Sequence[CheckLine]) -> bytes:
    """Return the page with the results of checks at the end of its first section.

    The stored page does not have them: some checks run after it is written, and with equal inputs it has equal bytes.
    """
    counts = Counter(line.outcome for line in lines)
    totals = ", ".join(f"{number:,} {outcome}" for outcome, number in counts.most_common())
    alarming = [f"{line.asset} {line.check}" for line in lines if line.outcome in _ALARMS]
    text = f"{counted(len(lines), 'check')}, when this page was copied: {totals}."
    names = f" Failed or warned: {', '.join(alarming)}." if alarming else ""
    heads = "".join(f'<th scope="col">{name}</th>' for name in CheckLine._fields)
    rows = "\n".join(
        "<tr>"
        + f'<th scope="row">{_cell(line.asset)}</th>'
        + "".join(f"<td>{_cell(value)}</td>" for value in line[1:])
        + "</tr>"
        for line in sorted(lines, key=lambda line: line.outcome not in _ALARMS)
    )
    section = (
        f"<h3>Checks</h3>\n<p>{_cell(text + names)}</p>\n<details>\n<summary>Checks of all values</summary>\n"
        f'<div class="wide" role="region" aria-label="Checks" tabindex="0">\n<table id="checks-table">\n'
        f"<thead>\n<tr>{heads}</tr>\n</thead>\n<tbody>\n{rows}\n</tbody>\n</table>\n</div>\n</details>\n"
    )
    return page.replace(b"</section>", section.encode() + b"</section>", 1)


def _cell(text: str) -> str:
    return escape(printable(text))
