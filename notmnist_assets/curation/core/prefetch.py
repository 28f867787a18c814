"""Computes the next results of a sequence in threads while the caller uses the current one."""

from collections import deque
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")


def prefetch_map(
    make: Callable[[Item], Result], items: Iterable[Item], ahead: int = 2
) -> Generator[Result, None, None]:
    """Yield `make(item)` for each item in order, while threads compute up to `ahead` further results.

    The caller's thread iterates over `items`. An exception of `make` or of `items` is raised after the results before
    it. Closing the generator waits for the calls that have started.
    """
    iterator = iter(items)
    coming: deque[Future[Result]] = deque()
    problem: Exception | None = None
    with ThreadPoolExecutor(ahead, thread_name_prefix="ahead") as pool:
        while True:
            try:
                coming.append(pool.submit(make, next(iterator)))
            except StopIteration:
                break
            except Exception as error:
                # Raised after the results of the items before it.
                problem = error
                break
            if len(coming) > ahead:
                yield coming.popleft().result()
        while coming:
            yield coming.popleft().result()
    if problem is not None:
        raise problem
