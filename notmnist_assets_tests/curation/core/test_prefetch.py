import threading
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from notmnist_assets.curation.core.prefetch import prefetch_map

PATIENCE = 20


@given(st.lists(st.integers()), st.integers(1, 4))
def test_results_come_in_the_order_of_their_items(items: list[int], ahead: int) -> None:
    assert list(prefetch_map(lambda item: -item, items, ahead)) == [-item for item in items]


def test_the_next_results_are_computed_while_one_is_used() -> None:
    made = [threading.Event() for _ in range(4)]

    def make(item: int) -> int:
        made[item].set()
        return item

    results = prefetch_map(make, range(4), ahead=2)
    assert next(results) == 0
    assert made[1].wait(PATIENCE)
    assert made[2].wait(PATIENCE)
    assert not made[3].is_set()
    assert list(results) == [1, 2, 3]


def test_the_given_number_of_results_is_computed_concurrently() -> None:
    both = threading.Barrier(2, timeout=PATIENCE)

    def make(item: int) -> int:
        both.wait()
        return item

    assert list(prefetch_map(make, range(4), ahead=2)) == [0, 1, 2, 3]


def test_an_error_of_the_items_is_raised_after_the_results_before_it() -> None:
    def items() -> Iterator[int]:
        yield 1
        yield 2
        raise LookupError("the third")

    results = prefetch_map(abs, items(), ahead=4)
    assert [next(results), next(results)] == [1, 2]
    with pytest.raises(LookupError, match="the third"):
        next(results)


def test_closing_early_waits_for_started_calls() -> None:
    go_on, ended = threading.Event(), []

    def make(item: int) -> int:
        if item:
            assert go_on.wait(PATIENCE)
            ended.append(item)
        return item

    results = prefetch_map(make, range(9), ahead=2)
    assert next(results) == 0
    threading.Timer(0.05, go_on.set).start()
    results.close()
    assert sorted(ended) == [1, 2]


def test_an_error_of_a_call_is_raised_after_the_results_before_it() -> None:
    def make(item: int) -> int:
        if item:
            raise LookupError("the second")
        return item

    results = prefetch_map(make, range(3))
    assert next(results) == 0
    with pytest.raises(LookupError, match="the second"):
        next(results)


def test_closing_early_does_not_start_the_remaining_calls() -> None:
    made = []

    def make(item: int) -> int:
        made.append(item)
        return item

    results = prefetch_map(make, range(100), ahead=2)
    assert next(results) == 0
    results.close()
    assert len(made) <= 3
