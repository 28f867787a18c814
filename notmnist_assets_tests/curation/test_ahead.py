import threading
from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from notmnist_assets.curation.ahead import one_ahead

PATIENCE = 20


@settings(deadline=None)
@given(st.lists(st.integers() | st.none()))
def test_items_come_in_their_order(items: list[int | None]) -> None:
    assert list(one_ahead(items)) == items


def test_the_next_item_is_made_while_one_is_used() -> None:
    made = threading.Event()

    def items() -> Iterator[int]:
        yield 1
        made.set()
        yield 2

    ahead = one_ahead(items())
    assert next(ahead) == 1
    assert made.wait(PATIENCE)
    assert list(ahead) == [2]


def test_no_more_than_one_item_is_made_ahead() -> None:
    made = []

    def items() -> Iterator[int]:
        for item in range(100):
            made.append(item)
            yield item

    ahead = one_ahead(items())
    for item in range(5):
        assert next(ahead) == item
        assert len(made) <= item + 2
    ahead.close()
    assert len(made) <= 6


def test_an_error_is_raised_in_its_turn() -> None:
    def items() -> Iterator[int]:
        yield 1
        raise LookupError("the second")

    ahead = one_ahead(items())
    assert next(ahead) == 1
    with pytest.raises(LookupError, match="the second"):
        next(ahead)
