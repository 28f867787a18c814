"""Makes the next results of a sequence while the current one is used.

Belongs here: the threads that do it. What is made does not.
"""

from collections import deque
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")


def made_ahead(make: Callable[[Item], Result], items: Iterable[Item], ahead: int = 2) -> Generator[Result, None, None]:
    """Yield `make(item)` for each item, in their order; threads make the next `ahead`, and no more, while one is used.

    Items are taken by the caller's thread. An error of `make` is raised in its turn, one of `items` at once.
    Whoever stops before the end waits for what is under way.
    """
    coming: deque[Future[Result]] = deque()
    with ThreadPoolExecutor(ahead, thread_name_prefix="ahead") as pool:
        for item in items:
            coming.append(pool.submit(make, item))
            if len(coming) > ahead:
                yield coming.popleft().result()
        while coming:
            yield coming.popleft().result()
