"""The benchmark of the growth with the data: shards make one archive, and exponents are those of the CPU time."""

from pathlib import Path

import pandas as pd

from benchmarks.scale import exponents
from benchmarks.scale_data import render_shard
from benchmarks.scale_estimate import PAGE, Estimate
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


def test_the_estimate_of_the_page_is_computed_from_its_measurements() -> None:
    page = PAGE.read_text(encoding="utf-8")
    assert Estimate(page).table() in page, "run python -m benchmarks.scale_estimate --write"


MEASURED = """
| stage | images | CPU s | read GB | written GB |
|---|---|---|---|---|
| letters | 1 million | 3 | 0 | 9 |
| | 10 million | 30 | 0.5 | 90 |
| splits | 1 million | 3.6 | 0 | 1 |
| | 10 million | 36 | 0 | 10 |
| hashes | 1 million | 2 | 0 | 0 |
| | 10 million | 20 | 0 | 0 |
| near search | 1 million | 10 | 0 | 0 |
| | 10 million | 20 | 0 | 0 |
| sanitizing | 1 million | 7.2 | 0 | 1 |
| | 10 million | 72 | 0 | 10 |

| stage | CPU s |
|---|---|
| letters | 52 |
| hashes | 20 |
| near search | 46 |

up to the radius, here 3: 5.5
million pairs of few.
"""


def test_only_stages_on_the_cluster_are_divided_and_only_near_search_and_pairs_grow_with_the_square() -> None:
    lines = [line.strip("| ").split(" | ") for line in Estimate(MEASURED).table().splitlines()[2:]]
    assert {label: cells for label, *cells in lines} == {
        "letters, hashes, on workers (core hours)": ["0.2", "2"],
        "splits, sanitizing, in one process (core hours)": ["0.3", "3"],
        "near search at radius 3, on workers (core hours)": ["1", "100"],
        "pairs within 3": ["550 million, 6.6 GB", "55 billion, 660 GB"],
        "in all, on 16 cores": ["23 minutes, $0.24", "9.4 hours, $6.1"],
        "in all, on 64 cores": ["19 minutes, $0.83", "4.6 hours, $12"],
        "traffic; at 10 Gbit/s through one machine": ["1.5 TB; 20 minutes", "16 TB; 3.6 hours"],
        "storage": ["350 GB, $6.4 a month", "4 TB, $75 a month"],
    }
