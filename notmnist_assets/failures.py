"""How bad input fails a step: one clear sentence instead of a traceback from the depths.

Belongs here: the translation of the library's error into Dagster's.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import dagster as dg

from notmnist_assets.curation.errors import CurationError


@contextmanager
def explained() -> Iterator[None]:
    """Turn a CurationError into a failure of the step that no retry repeats."""
    try:
        yield
    except CurationError as error:
        raise dg.Failure(
            str(error),
            metadata={"what": error.problem, "where": error.subject, "next": error.remedy},
            allow_retries=False,
        ) from None
