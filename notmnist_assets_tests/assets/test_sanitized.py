"""The metadata of sanitized assets."""

import dagster as dg
import numpy as np

from notmnist_assets.curation.core.sampling import sample_groups
from notmnist_assets_tests.workspace import Workspace


def test_a_sample_of_groups_has_the_same_number_of_rows_of_each_and_all_rows_of_small_groups() -> None:
    groups = [np.arange(10), np.arange(10, 1_000), np.arange(1_000, 1_003)]
    sample = sample_groups(groups, 60)
    assert [int(np.isin(group, sample).sum()) for group in groups] == [10, 47, 3]
    assert sample.tolist() == sorted(set(sample.tolist()))
    assert sample_groups([], 60).tolist() == []


def test_removed_rows_of_every_split_and_reason_are_in_the_sample(finished: Workspace) -> None:
    removed = finished.load("sanitized/removed")
    sample = finished.metadata("sanitized/removed")["sample_rows"]
    assert isinstance(sample, dg.TableMetadataValue)
    sampled = {(record.data["split"], record.data["reason"]) for record in sample.records}
    assert sampled == set(zip(removed["split"], removed["reason"], strict=True))
