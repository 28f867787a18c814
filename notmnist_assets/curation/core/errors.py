"""The exception that the library raises for bad input; programming errors are built-in exceptions."""

import errno
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Final

_FULL: Final = (errno.ENOSPC, errno.EDQUOT)
_FORBIDDEN: Final = (errno.EACCES, errno.EPERM, errno.EROFS)


class CurationError(Exception):
    """Bad input: what happened, to which file or asset, and what to do next."""

    def __init__(self, problem: str, *, subject: str, remedy: str) -> None:
        super().__init__(f"{subject}: {problem} {remedy}")
        self.problem = problem
        self.subject = subject
        self.remedy = remedy

    def __reduce__(self) -> tuple[Callable[[], "CurationError"], tuple[()]]:
        """Pickle the error, which another process may raise."""
        return partial(CurationError, self.problem, subject=self.subject, remedy=self.remedy), ()


def disk_error(error: OSError) -> CurationError | None:
    """Return the error for a full disk or a missing permission, with the file and the remedy; None for other errors."""
    if error.errno not in (*_FULL, *_FORBIDDEN):
        return None
    # Errors of writes to an open file name no file; those of this library are in the temporary folder.
    place = Path(str(error.filename)) if error.filename is not None else Path(tempfile.gettempdir())
    remedy = "Free space on its disk" if error.errno in _FULL else "Allow this user to write there"
    if place.is_relative_to(tempfile.gettempdir()):
        remedy += ", or set TMPDIR to a folder elsewhere"
    return CurationError(f"{error.strerror}.", subject=str(place), remedy=f"{remedy}, then start again.")
