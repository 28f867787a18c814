"""Makes the next results of a sequence while the current one is used.

Belongs here: the threads that do it. What is made does not.
"""

from collections import deque
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")


def prefetch_map(
    make: Callable[[Item], Result], items: Iterable[Item], ahead: int = 2
) -> Generator[Result, None, None]:
    """Yield `make(item)` for each item, in their order; threads make the next `ahead`, and no more, while one is used.

    Items are taken by the caller's thread. An error, of `make` or of `items`, is raised in its turn. Whoever stops
    before the end waits for what is under way.
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
                # Its turn comes after what is under way.
                problem = error
                break
            if len(coming) > ahead:
                yield coming.popleft().result()
        while coming:
            yield coming.popleft().result()
    if problem is not None:
        raise problem
