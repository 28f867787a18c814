"""Computes independent pieces of work in order: in threads, one after the other, or wherever a map computes them."""

from collections import deque
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple, Protocol, TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")


class OrderedMap(Protocol):
    """Computes independent pieces of work and yields their results in order; where, the caller decides.

    Functions and items that go to other processes are pickled, so that they have to be functions of modules, and small.
    """

    def __call__(self, function: Callable[[Item], Result], items: Iterable[Item], /) -> Generator[Result, None, None]:
        """Yield `function(item)` for each item in order."""
        ...


class WorkMap(NamedTuple):
    """An ordered map, and the folder through which its pieces exchange pixels.

    Attributes:
        run: computes pieces in threads of this process, or in processes, maybe of other machines.
        folder: an empty folder that these processes and this one can read and write.
    """

    run: OrderedMap
    folder: Path


def prefetch_map(
    function: Callable[[Item], Result], items: Iterable[Item], ahead: int = 2
) -> Generator[Result, None, None]:
    """Yield `function(item)` for each item in order, while threads compute up to `ahead` further results.

    The caller's thread iterates over `items`. An exception of `function` or of `items` is raised after the results
    before it. Closing the generator waits for the calls that have started.
    """
    iterator = iter(items)
    pending: deque[Future[Result]] = deque()
    problem: Exception | None = None
    with ThreadPoolExecutor(ahead, thread_name_prefix="ahead") as pool:
        while True:
            try:
                pending.append(pool.submit(function, next(iterator)))
            except StopIteration:
                break
            except Exception as error:
                # Raised after the results of the items before it.
                problem = error
                break
            if len(pending) > ahead:
                yield pending.popleft().result()
        while pending:
            yield pending.popleft().result()
    if problem is not None:
        raise problem


def one_by_one(function: Callable[[Item], Result], items: Iterable[Item], /) -> Generator[Result, None, None]:
    """Yield `function(item)` for each item in order, computed when it is needed."""
    yield from map(function, items)
