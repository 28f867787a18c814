"""Starts the command `notmnist`; Ctrl-C while its modules are still imported ends it without a traceback."""

import sys


def main() -> None:
    """Import the command and run it."""
    try:
        from notmnist_assets.cli.app import main as run
    except KeyboardInterrupt:
        sys.exit(130)
    run()
