"""How long-running work tells how far it is.

Belongs here: the hook that the library calls and the silent default. What draws bars lives with its caller:
it installs a display with `show_progress_on` for the time of a run.
"""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from contextvars import ContextVar
from typing import Protocol

Advance = Callable[[int], None]


class Display(Protocol):
    """Opens one progress bar; the context value is called with each amount of work done."""

    def __call__(self, title: str, total: int | None, unit: str) -> AbstractContextManager[Advance]:
        """Return the open bar for `total` `unit`s of work."""
        ...


def _ignore(_amount: int) -> None:
    """Take an amount of work that nobody watches."""


def _silent(title: str, total: int | None, unit: str) -> AbstractContextManager[Advance]:  # noqa: ARG001
    return nullcontext(_ignore)


_display: Display = _silent
_inside_a_stage: ContextVar[bool] = ContextVar("inside a stage", default=False)


@contextmanager
def stage(title: str, total: int | None, unit: str) -> Iterator[Advance]:
    """Open a stage of `total` units (None when unknown); the context value takes each amount of work done.

    Stages within a stage are not shown: the outer one already tells how far the work is.
    """
    if _inside_a_stage.get():
        yield _ignore
        return
    token = _inside_a_stage.set(True)
    try:
        with _display(title, total, unit) as advance:
            yield advance
    finally:
        _inside_a_stage.reset(token)


@contextmanager
def show_progress_on(display: Display) -> Iterator[None]:
    """Send every stage opened inside the block, from any thread, to `display`."""
    global _display
    previous, _display = _display, display
    try:
        yield
    finally:
        _display = previous
