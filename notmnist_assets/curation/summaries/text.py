"""Builds summaries as Markdown, and reads them as lines of plain and bold text."""

import math
import re
from collections.abc import Iterator
from typing import Final, NamedTuple

from notmnist_assets.curation.core.wording import printable

LONGEST: Final = 1_000
"""Characters below which the UI shows Markdown without a click."""
MOST_LINES: Final = 5
_DIGITS: Final = 3
_WORDS: Final = 80
"""Most characters of a text from outside, such as a path or a reason."""
_SMALLEST: Final = 1e-5
"""Smallest share that is shown as a number."""
_ITEM: Final = "- "
_BREAK: Final = "  \n  "
"""A line break within an item of a list."""
_WIDTH: Final = 55
"""Characters of a line on the asset's page, where the screen is 1,600 pixels wide and a key of the metadata long."""
_WORDS_OF_LINE: Final = re.compile(
    r"(?:\*\*(?:\\.|[^*\\])+\*\*|`[^`]+`|\[(?:\\.|[^\]\\])+\]\([^)]*\)|\S)+(?: \\?%\S*)?"
)
"""Words of Markdown: bold text, code, links and percentages are not broken."""
_PUNCTUATION: Final = re.compile(r"([!-/:-@\[-`{-~])")
_SPANS: Final = re.compile(
    r"\*\*(?P<bold>(?:\\.|[^*\\])+)\*\*|`(?P<code>[^`]+)`|\[(?P<link>(?:\\.|[^\]\\])+)\]\([^)]*\)|\\(?P<escaped>.)"
)


class Span(NamedTuple):
    """A piece of a line of a summary: its text without markup, and how it is set."""

    text: str
    style: str = ""


def summary(*lines: str) -> str:
    """Join lines of Markdown to a list; empty lines are left out, and the last ones if the text would be too long.

    The first line is the answer, with the number that matters in bold (`bold`); the last one says what to do next.

    Raises:
        ValueError: there are no lines, or more than five.
    """
    kept = [_wrapped(line) for line in lines if line]
    if not 1 <= len(kept) <= MOST_LINES:
        raise ValueError(f"a summary has 1 to {MOST_LINES} lines, not {len(kept)}")
    while len(kept) > 1 and sum(map(len, kept)) + (len(_ITEM) + 1) * len(kept) >= LONGEST:
        kept.pop()
    return "\n".join(_ITEM + line for line in kept)


def with_first_line(markdown: str, line: str) -> str:
    """Return a summary with another line before its first one, and without its last lines if it becomes too long."""
    return summary(*[line, *_lines(markdown)][:MOST_LINES])


def _lines(markdown: str) -> list[str]:
    """Return the lines of a summary as they were before they were wrapped."""
    return [line.removeprefix(_ITEM) for line in markdown.replace(_BREAK, " ").splitlines()]


def _wrapped(line: str) -> str:
    """Break a line so that it fits the first screen of the UI, where a wide table stretches the column of values."""
    parts: list[str] = []
    width = 0
    for word in _WORDS_OF_LINE.findall(line):
        length = len("".join(span.text for span in _spans(word)))
        if parts and width + length > _WIDTH:
            parts.append(_BREAK)
            width = 0
        elif parts:
            parts.append(" ")
        parts.append(word)
        width += length + 1
    return "".join(parts)


def bold(text: str) -> str:
    """Return text as bold Markdown."""
    return f"**{text}**"


def asset_link(key: str, words: str = "") -> str:
    """Return a link to the page of an asset in the UI, with its key as text if there are no other words."""
    return f"[{words or key}](/assets/{key})"


def outside_text(text: str, longest: int = _WORDS) -> str:
    """Return text that comes from outside, such as a file name, shortened and without effect on Markdown."""
    shown = printable(text)
    if len(shown) > longest:
        shown = f"{shown[: longest // 2 - 2]} ... {shown[-longest // 2 + 3 :]}"
    return _PUNCTUATION.sub(r"\\\1", shown)


def rounded(number: float) -> float:
    """Return a number with three significant digits; numbers of more digits before the point without a fraction."""
    if not math.isfinite(number) or abs(number) >= 10**_DIGITS:
        return float(round(number)) if math.isfinite(number) else number
    return float(f"{number:.{_DIGITS}g}")


def percent(share: float) -> str:
    """Return a share from 0 to 1 in percent with three significant digits, such as `4.62 %`.

    A share below 1 is never shown as 100 %, nor one above 0 as 0 %.
    """
    if not math.isfinite(share):
        return "-"
    if 0 < share < _SMALLEST:
        return f"less than {100 * _SMALLEST:g} %"
    number = rounded(100 * share)
    return f"{100 - rounded(100 * (1 - share)) if share < 1 and number == 100 else number:g} %"


def percent_range(low: float, high: float) -> str:
    """Return an interval of shares in percent, such as `4.1 to 5.2 %`."""
    ends = percent(low), percent(high)
    return "-" if "-" in ends else f"{ends[0].removesuffix(' %')} to {ends[1]}"


def spans(markdown: str) -> Iterator[list[Span]]:
    """Yield the lines of a summary as spans of text without markup, with the styles bold, code, link and none."""
    for line in _lines(markdown):
        yield _spans(line)


def _spans(line: str) -> list[Span]:
    found: list[Span] = []
    end = 0
    for match in _SPANS.finditer(line):
        _add(found, line[end : match.start()])
        end = match.end()
        style = match.lastgroup or ""
        inner = match[style]
        if style == "escaped":
            _add(found, inner)
        else:
            found.append(Span(inner if style == "code" else re.sub(r"\\(.)", r"\1", inner), style))
    _add(found, line[end:])
    return found


def _add(found: list[Span], text: str) -> None:
    """Append unstyled text, joined with unstyled text before it."""
    if not text:
        return
    if found and not found[-1].style:
        found[-1] = Span(found[-1].text + text)
    else:
        found.append(Span(text))
