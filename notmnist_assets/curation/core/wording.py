"""Numbers and file names in sentences."""


def counted(number: int, singular: str, plural: str = "") -> str:
    """Return a number with its noun: `1 image`, `2,000 images`, or with an irregular plural, `3 mice`."""
    return f"{number:,} {singular if number == 1 else plural or singular + 's'}"


def printable(text: str) -> str:
    r"""Return text that is safe in a terminal, a log or a page: one line, shown as it is stored.

    Control characters, line breaks, bidirectional marks and other invisible characters become escapes such as `\n` and
    `\u202e`. Use it wherever a name that comes from an archive is printed.
    """
    if text.isprintable():
        return text
    return "".join(
        char if char.isprintable() else char.encode("unicode_escape", "surrogatepass").decode("ascii") for char in text
    )
