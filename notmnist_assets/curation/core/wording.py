"""Numbers in sentences.

Belongs here: what a language asks of a number. What is said of it is up to the caller.
"""


def counted(number: int, one: str, several: str = "") -> str:
    """Return how many there are of something: `1 image`, `2,000 images`, or with words of its own, `3 mice`."""
    return f"{number:,} {one if number == 1 else several or one + 's'}"
