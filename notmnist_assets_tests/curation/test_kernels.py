"""Results under two kernels of OpenBLAS, which add in different orders."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

KERNELS: Final = ("Haswell", "SkylakeX")
PROGRAM: Final = """
import numpy as np
import scipy.linalg
from threadpoolctl import threadpool_info

from notmnist_assets.curation.baselines.evaluation import fit_baselines
from notmnist_assets.curation.baselines.reference import reference_table
from notmnist_assets.curation.core.fingerprint import fingerprint
from notmnist_assets.curation.labels.issues import label_issues
from notmnist_assets_tests.curation.labels.small_pools import letter_pool
from notmnist_assets_tests.curation.letter_problems import letter_split

print(*{one["architecture"] for one in threadpool_info() if one["user_api"] == "blas"})
raw = {
    "train": letter_split(7000, archive="large"),
    "valid": letter_split(600, archive="large", first=10_000, seed=1),
    "test": letter_split(2000, archive="small", seed=2),
}
sanitized = {name: split.take(np.arange(0, len(split), 2)) for name, split in raw.items()}
found = fit_baselines(raw, sanitized, sizes=(50, 1000))
pool, _ = letter_pool(120, turned=5)
found_issues = label_issues(pool, np.arange(len(pool.label)), {})
print(fingerprint(found_issues.table), found_issues.rates.round(9).to_json())
print(fingerprint(found.metrics, leave_out=("seconds",)))
every = np.arange(len(raw["test"]))
reference = reference_table(raw["train"], raw["test"], every % 2 == 0, every, sizes=(50, 1000))
print(fingerprint(reference, leave_out=("seconds",)))
for key, model in found.models.items():
    print(key, *("".join(map(str, predicted)) for predicted in model.predicted.values()))
"""


def run_under(kernel: str) -> list[str]:
    environment = os.environ | {"OPENBLAS_CORETYPE": kernel}
    done = subprocess.run([sys.executable, "-c", PROGRAM], env=environment, capture_output=True, text=True, check=True)
    return done.stdout.splitlines()


def test_tables_rankings_and_predictions_are_the_same_under_kernels_for_avx2_and_avx512() -> None:
    processor = Path("/proc/cpuinfo")
    if not processor.exists() or "avx512f" not in processor.read_text().split():
        pytest.skip("this processor has no AVX-512, so OpenBLAS has one kernel here")
    (used, *results), (other_used, *other_results) = map(run_under, KERNELS)
    assert (used, other_used) == KERNELS
    assert results == other_results
