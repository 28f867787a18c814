"""How bad input fails a step: one clear sentence instead of a traceback from the depths.

Belongs here: the translation of the library's error into Dagster's, and of a failed step into words.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import dagster as dg

from notmnist_assets.curation.core.errors import CurationError, disk_trouble


@contextmanager
def as_dagster_failure() -> Iterator[None]:
    """Turn a CurationError, and a disk that is full or may not be written, into a failure that no retry repeats."""
    try:
        yield
    except CurationError as error:
        raise _failure(error) from None
    except OSError as error:
        trouble = disk_trouble(error)
        if trouble is None:
            raise
        raise _failure(trouble) from None


def _failure(error: CurationError) -> dg.Failure:
    return dg.Failure(
        str(error),
        metadata={"what": error.problem, "where": error.subject, "next": error.remedy},
        allow_retries=False,
    )


def failure_message(event: dg.DagsterEvent) -> str:
    """Return why a step failed: the sentence of `explained`, else the message of the error."""
    data = event.step_failure_data
    if data.user_failure_data and data.user_failure_data.description:
        return data.user_failure_data.description
    if data.error is not None and data.error.cls_name == dg.DagsterExecutionInterruptedError.__name__:
        return "interrupted; what was stored stays, and notmnist run goes on from there"
    if data.error is not None:
        cause = data.error.cause or data.error
        return cause.message.strip()
    return "failed"
