"""Assets in the terminal: names from archives are printed on one line, with invisible characters escaped."""

import io
from datetime import UTC, datetime
from typing import Any

import dagster as dg
import pandas as pd
from rich.console import Console

from notmnist_assets.cli.inspection import Inspection
from notmnist_assets.cli.show import show
from notmnist_assets.metadata.display import table


def test_names_from_archives_never_reach_the_terminal_raw() -> None:
    names = ["new\nline.png", "\x1b[31mred.png", "\u202egnp.exe", "[red]bold[/red].png"]
    metadata: dict[str, dg.MetadataValue[Any]] = {
        "rejected_files": table(pd.DataFrame({"name": names})),
        "first": dg.MetadataValue.text(names[1]),
    }
    inspection = Inspection("letters/small/A", "", datetime.now(UTC), "run", metadata, [], None, {})
    file = io.StringIO()
    show(Console(file=file, width=100), inspection)
    shown = file.getvalue()
    assert not set("\x1b\u202e") & set(shown)
    for name in (r"new\nline.png", r"\x1b[31mred.png", r"\u202egnp.exe", "[red]bold[/red].png"):
        assert name in shown
