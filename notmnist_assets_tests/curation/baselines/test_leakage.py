"""Leak or selection: memory and easier images are told apart where both are planted."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy.stats import binom

from notmnist_assets.curation.baselines import leakage
from notmnist_assets.curation.baselines.fitting import fit, predict
from notmnist_assets.curation.baselines.leakage import (
    CHANGE,
    DIFFERENCE,
    LEAKAGE_COLUMNS,
    OTHERS,
    TWINS,
    WITH,
    WITHOUT,
    Twins,
    find_twins,
    leakage_table,
    values_of,
)
from notmnist_assets.curation.baselines.models import DEFAULT_MODEL, MODELS
from notmnist_assets.curation.baselines.nearest import NEAREST_NEIGHBOUR
from notmnist_assets.curation.baselines.scoring import image_groups
from notmnist_assets.curation.core.errors import CurationError
from notmnist_assets.curation.core.values import Split
from notmnist_assets.curation.summaries.scores import leakage_summary
from notmnist_assets_tests.builders import ORDER, World, drawing, split_of
from notmnist_assets_tests.curation.letter_problems import letter_split
from notmnist_assets_tests.plain import plain_lines
from notmnist_assets_tests.remote import remote_map


def leaking(rows: int, shared: int, *, easy: bool) -> tuple[Split, Split, Twins]:
    """Return train and test whose first `shared` rows are the same images.

    If the shared images are easy, they are noiseless and their like is in train anyway; otherwise their labels are
    random, so that only memory can know them.
    """
    train, test = letter_split(rows, archive="large"), letter_split(rows, archive="small", seed=1)
    images, labels = train.images.copy(), train.labels.copy()
    if easy:
        prototypes = np.stack([train.images[train.labels == label].mean(axis=0) for label in range(10)])
        labels[: 4 * shared] = np.arange(4 * shared) % 10
        noise = np.random.default_rng(0).integers(-9, 10, (4 * shared, 28, 28))
        images[: 4 * shared] = np.clip(prototypes[labels[: 4 * shared]] + noise, 0, 255).astype(np.uint8)
    else:
        labels[:shared] = np.random.default_rng(0).integers(0, 10, shared)
    test_images, test_labels = test.images.copy(), test.labels.copy()
    test_images[:shared], test_labels[:shared] = images[:shared], labels[:shared]
    first = np.arange(rows) < shared
    twins = Twins(first, first, image_groups(test_images))
    return Split(images, labels, train.sources), Split(test_images, test_labels, test.sources), twins


@pytest.fixture(scope="module")
def memory() -> pd.DataFrame:
    return leakage_table(*leaking(300, 60, easy=False))


def test_random_labels_can_only_be_remembered(memory: pd.DataFrame) -> None:
    assert tuple(memory.columns) == LEAKAGE_COLUMNS
    control = values_of(memory, NEAREST_NEIGHBOUR)
    assert control[TWINS, WITH].value == 1
    assert control[TWINS, WITHOUT].value < 0.3
    assert control[TWINS, CHANGE].ci_low > 0.5
    assert control[TWINS, CHANGE].p_value < 1e-6
    assert control[OTHERS, CHANGE].value < 0.1
    ours = values_of(memory, DEFAULT_MODEL)
    assert ours[TWINS, CHANGE].ci_low > 0.2, "a linear model remembers many of 300 rows"
    assert ours[DIFFERENCE, WITHOUT].value < 0, "the images are not easier"


def test_the_table_is_the_same_from_other_processes(
    memory: pd.DataFrame, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(leakage, "_QUERIES", 70)
    found = leakage_table(*leaking(300, 60, easy=False), work_map=remote_map(tmp_path, seed=2))
    pd.testing.assert_frame_equal(found, memory, check_exact=True)


def test_easy_images_stay_easy_without_their_twins() -> None:
    rows = values_of(leakage_table(*leaking(300, 60, easy=True)), DEFAULT_MODEL)
    assert rows[DIFFERENCE, WITH].ci_low > 0.05
    assert rows[DIFFERENCE, WITHOUT].ci_low > 0.05
    assert abs(rows[TWINS, CHANGE].value) < 0.05


def test_values_are_those_of_two_fits(memory: pd.DataFrame) -> None:
    train, test, twins = leaking(300, 60, easy=False)
    kept = train.take(np.flatnonzero(~twins.train))
    right = []
    for rows in (train, kept):
        model, _ = fit(MODELS[DEFAULT_MODEL], rows.images, rows.labels)
        right.append(predict(model, test.images) == test.labels)
    found = values_of(memory, DEFAULT_MODEL)
    for name, mask in ((TWINS, twins.test), (OTHERS, ~twins.test)):
        accuracies = [one[mask].mean() for one in right]
        assert found[name, WITH].value == accuracies[0]
        assert found[name, WITHOUT].value == accuracies[1]
        assert found[name, CHANGE].value == pytest.approx(accuracies[0] - accuracies[1])
        better, worse = (right[0] & ~right[1])[mask].sum(), (right[1] & ~right[0])[mask].sum()
        assert (found[name, CHANGE].improved, found[name, CHANGE].worsened) == (better, worse)
        smaller = binom(better + worse, 0.5).cdf(min(better, worse))
        assert found[name, CHANGE].p_value == pytest.approx(min(1, 2 * smaller))
    assert memory["value"].between(memory["ci_low"], memory["ci_high"]).all()


def test_a_group_counts_once_with_its_first_row() -> None:
    train, test, twins = leaking(300, 60, easy=False)
    grouped = twins.groups.copy()
    grouped[10:60] = -1
    change = values_of(leakage_table(train, test, Twins(twins.test, twins.train, grouped)), NEAREST_NEIGHBOUR)
    assert (change[TWINS, WITH].rows, change[TWINS, WITH].groups) == (60, 11)
    single = values_of(leakage_table(*leaking(300, 60, easy=False)), NEAREST_NEIGHBOUR)
    assert change[TWINS, CHANGE].improved <= 11 < single[TWINS, CHANGE].improved
    assert change[OTHERS, WITH].value == single[OTHERS, WITH].value


def test_twins_are_the_equal_and_the_near_rows_of_train_and_test() -> None:
    images = {
        "train": np.stack([drawing(0), drawing(1), drawing(2), drawing(3)]),
        "valid": np.stack([drawing(4)]),
        "test": np.stack([drawing(1), drawing(2, visible=1), drawing(4), drawing(5)]),
    }
    world = World({name: split_of(images[name], [0] * len(images[name]), name=name) for name in ORDER}, 0.2)
    twins = find_twins(world.index(), np.arange(4))
    assert twins.test.tolist() == [True, True, False, False]
    assert twins.train.tolist() == [False, True, True, False]


def test_the_summary_names_memory_selection_and_the_control(memory: pd.DataFrame) -> None:
    first, change_line, *others = plain_lines(leakage_summary(memory))
    change = values_of(memory, DEFAULT_MODEL)[TWINS, CHANGE]
    assert first.startswith("60 test rows have a twin in train; they are 60 duplicate groups, and each counts once.")
    assert change_line.startswith(f"Memory: fitted without the twins, it loses {100 * change.value:.1f} points")
    assert any(line.startswith("Positive control: the nearest neighbour") for line in others)


def test_without_twins_there_is_nothing_to_compare_and_all_twins_leave_nothing_to_fit() -> None:
    train, test, twins = leaking(120, 30, easy=False)
    none = leakage_table(train, test, Twins(np.zeros(120, np.bool_), twins.train, twins.groups))
    assert none.empty
    assert none["rows"].dtype == np.int64
    assert "nothing to compare" in leakage_summary(none)
    with pytest.raises(CurationError, match="every row has a near duplicate in test"):
        leakage_table(train, test, Twins(twins.test, np.ones(120, np.bool_), twins.groups))
