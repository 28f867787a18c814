"""Converts errors of the library to failures of a Dagster step, and a failed step to its message."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import dagster as dg

from notmnist_assets.curation.core.errors import CurationError, disk_error


@contextmanager
def as_dagster_failure() -> Iterator[None]:
    """Raise a CurationError, or the error of a full or read-only disk, as a `dagster.Failure` without retries."""
    try:
        yield
    except CurationError as error:
        raise _failure(error) from None
    except OSError as error:
        explained = disk_error(error)
        if explained is None:
            raise
        raise _failure(explained) from None


def _failure(error: CurationError) -> dg.Failure:
    return dg.Failure(
        str(error),
        metadata={"what": error.problem, "where": error.subject, "next": error.remedy},
        allow_retries=False,
    )


def failed_checks_message(evaluations: Sequence[dg.AssetCheckEvaluation]) -> str:
    """Return what failed checks found, such as `enough_images of letters/small/C: 15, at least 16`, and the remedy.

    Empty if none failed as an error. Only the first of many is named.
    """
    failed = [one for one in evaluations if not one.passed and one.severity == dg.AssetCheckSeverity.ERROR]
    if not failed:
        return ""
    first = failed[0]
    actual, threshold, remedy = (_text(first, label) for label in ("actual", "threshold", "next"))
    more = f" ({len(failed) - 1} more)" if len(failed) > 1 else ""
    needed = f", needed {threshold}" if threshold else ""
    subject = f"{first.check_name} of {first.asset_key.to_user_string()}"
    return f"{subject}: {actual}{needed}{more}. {remedy}".strip()


def _text(evaluation: dg.AssetCheckEvaluation, label: str) -> str:
    value = evaluation.metadata.get(label)
    return "" if value is None else str(value.value)


def failure_message(event: dg.DagsterEvent) -> str:
    """Return the message of a failed step: that of its `dagster.Failure`, otherwise that of the error."""
    data = event.step_failure_data
    if data.user_failure_data and data.user_failure_data.description:
        return data.user_failure_data.description
    if data.error is not None and data.error.cls_name == dg.DagsterExecutionInterruptedError.__name__:
        return "interrupted; stored values remain, and notmnist run materializes the others"
    if data.error is not None:
        cause = data.error.cause or data.error
        return cause.message.strip()
    return "failed"
