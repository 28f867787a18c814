"""Writes the `dagster.yaml` of the package to a folder of a test."""

from pathlib import Path

from notmnist_assets.runs.instance import shipped_configuration


def write_instance(home: Path) -> None:
    """Write the package's `dagster.yaml` to `home`."""
    (home / "dagster.yaml").write_text(shipped_configuration())
