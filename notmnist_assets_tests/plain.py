"""Summaries as text without markup."""

from notmnist_assets.curation.summaries.text import spans


def plain_lines(markdown: str) -> list[str]:
    """Return the lines of a summary as text without markup."""
    return ["".join(span.text for span in line) for line in spans(markdown)]
