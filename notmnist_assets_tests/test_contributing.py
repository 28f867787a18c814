"""Adds the asset of CONTRIBUTING.md's example to a copy of the package, and materializes it there."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import dagster as dg

from notmnist_assets.settings.model import project_home
from notmnist_assets_tests.documents import Document
from notmnist_assets_tests.workspace import Workspace

ASSET = dg.AssetKey(["fonts", "rows"])
CHECK = dg.AssetCheckKey(ASSET, "no_dominant_font")
LISTED = (
    (
        "import dagster as dg\n",
        "import dagster as dg\nfrom notmnist_assets.assets import fonts\n"
        "from notmnist_assets.checks import fonts as font_checks\n",
    ),
    (" splits, hashes,", " splits, fonts, hashes,"),
    ("    split_checks,\n", "    split_checks,\n    font_checks,\n"),
)
"""What adding the stage changes in `definitions.py`."""


def test_the_example_is_materialized_checked_and_printed(workspace: Workspace, tmp_path: Path) -> None:
    package = tmp_path / "notmnist_assets"
    shutil.copytree(project_home() / package.name, package, ignore=shutil.ignore_patterns("__pycache__"))
    for block in Document("CONTRIBUTING.md").blocks:
        if block.path is not None:
            (tmp_path / block.path).write_text(block.text, encoding="utf-8")
    definitions = package / "definitions.py"
    text = definitions.read_text(encoding="utf-8")
    for before, after in LISTED:
        assert text.count(before) == 1, f"change LISTED: {before!r} is not once in definitions.py"
        text = text.replace(before, after)
    definitions.write_text(text, encoding="utf-8")

    ended = subprocess.run(
        [sys.executable, "-c", "from notmnist_assets.cli.app import main; main()", "run", "fonts/rows"],
        env={**os.environ, "PYTHONPATH": str(tmp_path), "COLUMNS": "120"},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr
    fonts = workspace.load("splits/train").sources["font"]
    assert workspace.metadata("fonts/rows")["fonts"].value == fonts.nunique()
    assert workspace.metadata("fonts/rows")["dagster/row_count"].value == fonts.nunique()
    assert f"- {fonts.nunique()} fonts in {len(fonts)} rows of splits/train." in " ".join(ended.stdout.split())
    with workspace.instance() as instance:
        record = instance.event_log_storage.get_latest_asset_check_execution_by_key([CHECK])[CHECK]
    assert record.evaluation is not None
    assert record.evaluation.metadata["threshold"].value == 0.05
