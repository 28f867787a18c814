"""Lets signals end a command in order, and Ctrl-C reach this process only.

Dagster's log processes print a traceback when they receive Ctrl-C.
"""

import _thread
import signal
import socket
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Final

INTERRUPTED = 128 + signal.SIGINT
"""Exit code of a command that Ctrl-C ended, as shells define it."""
_AGAIN: Final = 0.2
"""Seconds after which a signal is handled again whose exception was discarded."""


@contextmanager
def signals_raise_exit() -> Iterator[None]:
    """Let SIGTERM and SIGHUP raise SystemExit, so that a command deletes its unfinished files.

    Python discards exceptions that are raised in callbacks of its garbage collector, of which SQLAlchemy has many. Such
    an exception of a signal is raised again, also if the callback replaced it by another one.
    """
    ends = [getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name)]
    codes = {128 + number: number for number in ends}
    before = {number: signal.signal(number, lambda received, _frame: sys.exit(128 + received)) for number in ends}
    report = sys.unraisablehook

    def raise_again(discarded: "sys.UnraisableHookArgs") -> None:
        number = _signal_in(discarded.exc_value, codes)
        if number is None:
            report(discarded)
            return
        timer = threading.Timer(_AGAIN, _thread.interrupt_main, (number,))
        timer.daemon = True
        timer.start()

    sys.unraisablehook = raise_again
    try:
        yield
    finally:
        sys.unraisablehook = report
        for number, handler in before.items():
            signal.signal(number, handler)


def _signal_in(error: BaseException | None, codes: Mapping[int, int]) -> int | None:
    """Return the signal whose exception this is, or during whose handling it was raised; None for other errors."""
    # During a run, Dagster's handlers raise this one. Dagster is not imported here, because that takes a second.
    interrupted = getattr(sys.modules.get("dagster"), "DagsterExecutionInterruptedError", ())
    while error is not None:
        if isinstance(error, KeyboardInterrupt):
            return signal.SIGINT
        if isinstance(error, interrupted):
            return signal.SIGTERM
        if isinstance(error, SystemExit) and isinstance(error.code, int) and error.code in codes:
            return codes[error.code]
        error = error.__context__
    return None


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
