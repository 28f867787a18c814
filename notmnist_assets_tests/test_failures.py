"""Bad input fails a step in words, and other errors stay what they are."""

import dagster as dg
import pytest

from notmnist_assets.curation.errors import CurationError
from notmnist_assets.failures import explained


def test_bad_input_tells_what_where_and_what_next() -> None:
    with pytest.raises(dg.Failure) as caught, explained():
        raise CurationError("it is empty.", subject="a.tar.gz", remedy="Fetch it again.")
    assert caught.value.description == "a.tar.gz: it is empty. Fetch it again."
    assert {name: value.value for name, value in caught.value.metadata.items()} == {
        "what": "it is empty.",
        "where": "a.tar.gz",
        "next": "Fetch it again.",
    }
    assert caught.value.allow_retries is False


def test_a_programming_error_is_not_dressed_up() -> None:
    with pytest.raises(ZeroDivisionError), explained():
        raise ZeroDivisionError
