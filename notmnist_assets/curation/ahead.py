"""Makes the next item of a sequence while the current one is used.

Belongs here: the one thread that does it. What the items are does not.
"""

from collections.abc import Generator, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

Item = TypeVar("Item")


def one_ahead(items: Iterable[Item]) -> Generator[Item, None, None]:
    """Yield the items in their order; a thread makes the next one, and no more, while one is used.

    An error of an item is raised in its turn. Whoever stops before the end waits for the item under way.
    """
    iterator = iter(items)
    end = object()
    with ThreadPoolExecutor(1, thread_name_prefix="ahead") as thread:
        coming = thread.submit(next, iterator, end)
        while (item := coming.result()) is not end:
            coming = thread.submit(next, iterator, end)
            yield item  # type: ignore[misc]
