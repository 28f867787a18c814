"""The benchmark of the growth with the data: shards make one archive, and exponents are those of the CPU time."""

from pathlib import Path

import pandas as pd

from benchmarks.scale import exponents
from benchmarks.scale_data import render_shard
from notmnist_assets.curation.core.images import LETTERS
from notmnist_assets.curation.reading.letters import read_letters
from notmnist_assets.sources.folder import FolderSource
from tools.render.planting import Plan
from tools.render.recipe import SEED


def test_rendered_shards_are_an_archive_with_all_files(tmp_path: Path) -> None:
    plan = Plan({"large": 21, "small": 20}, SEED)
    first, _ = (render_shard(plan, tmp_path, "large", 2, number) for number in range(2))
    before = first.stat().st_mtime_ns
    assert render_shard(plan, tmp_path, "large", 2, 0).stat().st_mtime_ns == before
    with read_letters(FolderSource(str(tmp_path), published=False).fetch("large"), "large") as reading:
        assert reading.report.members == dict.fromkeys(LETTERS, 21)


def test_exponents_are_those_of_the_growth() -> None:
    rows = [(size, stage, size**power) for size in (10, 20, 100) for stage, power in (("a", 1), ("b", 2))]
    found = exponents(pd.DataFrame(rows, columns=["images", "stage", "cpu_seconds"]))
    assert found.to_numpy().tolist() == [[1, 1], [2, 2]]
