"""Starts the command `notmnist`; Ctrl-C while its modules are still imported ends it without a traceback."""

import gc
import sys
from collections.abc import Iterator
from contextlib import contextmanager


def main() -> None:
    """Import the command and run it."""
    try:
        from notmnist_assets.cli.app import main as run
    except KeyboardInterrupt:
        sys.exit(130)
    run()


@contextmanager
def no_garbage_collection() -> Iterator[None]:
    """Collect no garbage while Dagster is imported: its 300,000 objects live as long as the process."""
    if "dagster" in sys.modules:
        yield
        return
    gc.disable()
    try:
        yield
        gc.freeze()
    finally:
        gc.enable()
