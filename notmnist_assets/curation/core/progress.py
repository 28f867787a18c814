"""Reports the progress of long-running work to a display, which the caller installs with `show_progress_on`."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from contextvars import ContextVar
from typing import Protocol

Advance = Callable[[int], None]


class Display(Protocol):
    """Opens a progress bar; the context value is called with each amount of work done."""

    def __call__(self, title: str, total: int | None, unit: str) -> AbstractContextManager[Advance]:
        """Return the open bar for `total` `unit`s of work."""
        ...


def _ignore(_amount: int) -> None:
    """Discard an amount of work."""


def _silent(title: str, total: int | None, unit: str) -> AbstractContextManager[Advance]:  # noqa: ARG001
    return nullcontext(_ignore)


_display: Display = _silent
_inside_a_bar: ContextVar[bool] = ContextVar("inside a bar", default=False)


@contextmanager
def progress_bar(title: str, total: int | None, unit: str) -> Iterator[Advance]:
    """Open a progress bar of `total` units (None when unknown); the context value takes each amount of work done.

    Bars within a bar are not shown, since the outer one shows the progress.
    """
    if _inside_a_bar.get():
        yield _ignore
        return
    token = _inside_a_bar.set(True)
    try:
        with _display(title, total, unit) as advance:
            yield advance
    finally:
        _inside_a_bar.reset(token)


@contextmanager
def show_progress_on(display: Display) -> Iterator[None]:
    """Show every progress bar that is opened inside the block, in any thread, on `display`."""
    global _display
    previous, _display = _display, display
    try:
        yield
    finally:
        _display = previous
