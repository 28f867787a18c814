"""Restricts Ctrl-C to this process, because Dagster's log processes print a traceback when they receive it."""

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

INTERRUPTED = 128 + signal.SIGINT
"""Exit code of a command that Ctrl-C ended, as shells define it."""


@contextmanager
def interrupts_spare_children() -> Iterator[Callable[[], bool]]:
    """Handle Ctrl-C as SIGTERM to this process; child processes that are started in the block ignore it.

    The signal is blocked, which child processes inherit, and a thread receives it. Does nothing on Windows.

    Yields:
        A function that returns whether Ctrl-C was pressed.
    """
    pressed, ended = threading.Event(), threading.Event()
    if not hasattr(signal, "pthread_sigmask") or threading.current_thread() is not threading.main_thread():
        yield pressed.is_set
        return
    main = threading.get_ident()

    def receive() -> None:
        while True:
            signal.sigwait({signal.SIGINT})
            if ended.is_set():
                return
            pressed.set()
            signal.pthread_kill(main, signal.SIGTERM)

    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    receiver = threading.Thread(target=receive, name="notmnist-interrupts", daemon=True)
    receiver.start()
    try:
        yield pressed.is_set
    finally:
        ended.set()
        signal.pthread_kill(receiver.ident or main, signal.SIGINT)
        receiver.join()
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
