"""Restricts Ctrl-C to this process, because Dagster's log processes print a traceback when they receive it."""

import signal
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

INTERRUPTED = 128 + signal.SIGINT
"""Exit code of a command that Ctrl-C ended, as shells define it."""


@contextmanager
def interrupts_spare_children() -> Iterator[Callable[[], bool]]:
    """Make child processes that are started in the block ignore Ctrl-C; does nothing on Windows.

    The main thread blocks the signal, which child processes inherit, and another thread receives it. Python still
    executes the signal handler in the main thread; SIGUSR2 only ends a system call in which that may be waiting.

    Yields:
        A function that returns whether Ctrl-C was pressed.
    """
    pressed = threading.Event()
    if not hasattr(signal, "pthread_sigmask") or threading.current_thread() is not threading.main_thread():
        yield pressed.is_set
        return
    main = threading.get_ident()
    received, numbers = socket.socketpair()
    numbers.setblocking(False)

    def receive() -> None:
        while data := received.recv(64):
            if signal.SIGINT in data:
                pressed.set()
                signal.pthread_kill(main, signal.SIGUSR2)

    receiver = threading.Thread(target=receive, name="notmnist-interrupts", daemon=True)
    receiver.start()
    descriptor = signal.set_wakeup_fd(numbers.fileno(), warn_on_full_buffer=False)
    handler = signal.signal(signal.SIGUSR2, lambda _number, _frame: None)
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield pressed.is_set
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)
        signal.set_wakeup_fd(descriptor)
        numbers.close()
        receiver.join()
        received.close()
        # Only now, because the default action of a late SIGUSR2 would end the process.
        signal.signal(signal.SIGUSR2, handler)
