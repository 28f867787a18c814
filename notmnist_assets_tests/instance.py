"""The package's own `dagster.yaml` in a folder of a test."""

from pathlib import Path

from notmnist_assets.runs.instance import shipped_configuration


def write_instance(home: Path, more: str = "") -> None:
    """Write the package's `dagster.yaml` to `home`, with more settings."""
    (home / "dagster.yaml").write_text(shipped_configuration() + more)
