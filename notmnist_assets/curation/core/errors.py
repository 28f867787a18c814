"""The one error that curation raises for bad input.

Belongs here: the exception and its shape. Programming errors stay the built-in exceptions.
"""

import errno
import tempfile
from pathlib import Path
from typing import Final

_FULL: Final = (errno.ENOSPC, errno.EDQUOT)
_FORBIDDEN: Final = (errno.EACCES, errno.EPERM, errno.EROFS)


class CurationError(Exception):
    """Bad input, told so that a person can act: what happened, to which file or asset, what to do next."""

    def __init__(self, problem: str, *, subject: str, remedy: str) -> None:
        super().__init__(f"{subject}: {problem} {remedy}")
        self.problem = problem
        self.subject = subject
        self.remedy = remedy


def disk_trouble(error: OSError) -> CurationError | None:
    """Return which file a full disk or missing permission kept from being written, and the remedy; else None."""
    if error.errno not in (*_FULL, *_FORBIDDEN):
        return None
    # Python names no file when a write fails that a temporary file stands behind.
    place = Path(str(error.filename)) if error.filename is not None else Path(tempfile.gettempdir())
    remedy = "Free space on its disk" if error.errno in _FULL else "Allow this user to write there"
    if place.is_relative_to(tempfile.gettempdir()):
        remedy += ", or set TMPDIR to a folder elsewhere"
    return CurationError(f"{error.strerror}.", subject=str(place), remedy=f"{remedy}, then start again.")
