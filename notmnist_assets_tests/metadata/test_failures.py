"""Bad input fails a step with a message and without retries; other errors keep their type."""

import dagster as dg
import pytest

from notmnist_assets.curation.core.errors import CurationError
from notmnist_assets.metadata.failures import as_dagster_failure, failure_message


def test_a_failure_names_problem_subject_and_remedy() -> None:
    with pytest.raises(dg.Failure) as caught, as_dagster_failure():
        raise CurationError("it is empty.", subject="a.tar.gz", remedy="Fetch it again.")
    assert caught.value.description == "a.tar.gz: it is empty. Fetch it again."
    assert {name: value.value for name, value in caught.value.metadata.items()} == {
        "what": "it is empty.",
        "where": "a.tar.gz",
        "next": "Fetch it again.",
    }
    assert caught.value.allow_retries is False


def test_a_programming_error_keeps_its_type() -> None:
    with pytest.raises(ZeroDivisionError), as_dagster_failure():
        raise ZeroDivisionError


def test_an_interrupted_step_has_a_message_of_its_own() -> None:
    @dg.op
    def interrupted() -> None:
        raise dg.DagsterExecutionInterruptedError

    @dg.job
    def stopped() -> None:
        interrupted()

    result = stopped.execute_in_process(raise_on_error=False)
    (failure,) = (event for event in result.all_events if event.is_step_failure)
    assert failure_message(failure).startswith("interrupted; ")
