"""A night of automation in minutes: a daemon with changing, failing and dripping sources, and killed processes.

`python -m faults.night --help` lists the options.
"""

from typing import Final

WATCH_SECONDS: Final = 10
"""Seconds between two ticks of `upstream_watch`."""
