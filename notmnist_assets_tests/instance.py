"""The project's own `dagster.yaml` in a folder of a test.

Belongs here: how its paths become those of the folder.
"""

from pathlib import Path

from notmnist_assets.settings import project_home


def write_instance(home: Path, more: str = "") -> None:
    """Write `dagster.yaml` to `home`: the project's, with its history below `home`, and with more settings."""
    text = (project_home() / "dagster.yaml").read_text(encoding="utf-8")
    (home / "dagster.yaml").write_text(text.replace("base_dir: .dagster", f"base_dir: {home / '.dagster'}") + more)
