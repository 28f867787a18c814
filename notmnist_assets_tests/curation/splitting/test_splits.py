"""The canonical split, compared with the code of the assignment."""

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from notmnist_assets.curation.core import images as images_module
from notmnist_assets.curation.core.errors import CurationError
from notmnist_assets.curation.core.images import LETTERS
from notmnist_assets.curation.splitting import splits
from notmnist_assets.curation.splitting.splits import SPLITS, SplitSizes, canonical_rows, gather, sizes_from_data
from notmnist_assets_tests.builders import letters_of

Arrays = tuple[npt.NDArray[np.uint8], npt.NDArray[np.int32], npt.NDArray[np.object_]]
LARGE = (30, 31, 29, 30, 40, 33, 30, 30, 35, 30)
SMALL = (7, 5, 6, 5, 9, 5, 5, 8, 5, 5)
SIZES = SplitSizes(train=210, valid=60, test=40)


def merged(
    sets: list[npt.NDArray[np.uint8]], names: list[npt.NDArray[np.object_]], valid: int, train: int
) -> list[Arrays]:
    """`merge_datasets` of the assignment; the names of each letter are shuffled in the same order as its images."""
    parts: list[list[Arrays]] = [[], []]
    for label, (letter_set, letter_names) in enumerate(zip(sets, names, strict=True)):
        carried = letter_set.copy()
        state = np.random.get_state()  # noqa: NPY002
        np.random.shuffle(carried)  # noqa: NPY002
        after = np.random.get_state()  # noqa: NPY002
        carried_names = letter_names.copy()
        np.random.set_state(state)  # noqa: NPY002
        np.random.shuffle(carried_names)  # noqa: NPY002
        np.random.set_state(after)  # noqa: NPY002
        for part, (start, end) in zip(parts, ((0, valid), (valid, valid + train)), strict=True):
            part.append((carried[start:end], np.full(end - start, label, np.int32), carried_names[start:end]))
    return [tuple(np.concatenate(column) for column in zip(*part, strict=True)) for part in parts]  # type: ignore[misc]


def assignment_split(large: list[Arrays], small: list[Arrays], sizes: SplitSizes, seed: int) -> dict[str, Arrays]:
    """The cells of the notebook in order, on arrays of images."""
    np.random.seed(seed)  # noqa: NPY002
    valid, train = merged([a[0] for a in large], [a[2] for a in large], sizes.valid // 10, sizes.train // 10)
    _, test = merged([a[0] for a in small], [a[2] for a in small], 0, sizes.test // 10)
    result = {}
    for name, (images, labels, names) in (("train", train), ("test", test), ("valid", valid)):
        permutation = np.random.permutation(labels.shape[0])  # noqa: NPY002
        result[name] = (images[permutation], labels[permutation], names[permutation])
    return result


@pytest.mark.parametrize("seed", [133, 0])
def test_the_split_has_the_rows_of_the_assignment(seed: int) -> None:
    letters = {"large": letters_of("large", LARGE, 1), "small": letters_of("small", SMALL, 2)}
    as_arrays = {
        name: [(values.images, np.empty(0, np.int32), values.names) for values in of.values()]
        for name, of in letters.items()
    }
    expected = assignment_split(as_arrays["large"], as_arrays["small"], SIZES, seed)
    rows = canonical_rows(LARGE, SMALL, SIZES, seed)
    assert tuple(rows) == SPLITS
    for name in SPLITS:
        set_name = "small" if name == "test" else "large"
        split = gather(set_name, letters[set_name], rows[name])
        images, labels, names = expected[name]
        np.testing.assert_array_equal(split.images, images)
        np.testing.assert_array_equal(split.labels, labels)
        assert split.sources["name"].tolist() == names.tolist()
        assert split.labels.dtype == np.int32


def test_image_label_letter_name_and_font_of_a_row_stay_together_in_blocks_and_files_too(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(splits, "ROWS", 7)
    monkeypatch.setattr(images_module, "_MOST_IN_MEMORY", 10)
    letters = letters_of("large", LARGE)
    split = gather("large", letters, canonical_rows(LARGE, SMALL, SIZES, 133)["train"])
    origin = {image.tobytes(): (letter, name) for letter in LETTERS for image, name in _named(letters, letter)}
    assert len(split) == SIZES.train
    assert isinstance(split.images, np.memmap)
    for row in range(len(split)):
        source = split.sources.iloc[row]
        assert (source["letter"], source["name"]) == origin[split.images[row].tobytes()]
        assert LETTERS[split.labels[row]] == source["letter"]
        assert source["set"] == "large"
        assert source["font"] == source["name"].removesuffix(".png")


def _named(letters: dict, letter: str) -> zip:  # type: ignore[type-arg]
    return zip(letters[letter].images, letters[letter].names, strict=True)


def test_fonts_are_decoded_from_base64_names() -> None:
    letters = letters_of("small", SMALL)
    letters["C"].names[:] = "SGVsdmV0aWNhLnR0Zg==.png"
    split = gather("small", letters, canonical_rows(LARGE, SMALL, SIZES, 133)["test"])
    assert set(split.sources["font"][split.labels == 2]) == {"Helvetica.ttf"}


def test_the_split_does_not_use_the_global_random_stream() -> None:
    np.random.seed(5)  # noqa: NPY002
    expected = np.random.random()  # noqa: NPY002
    np.random.seed(5)  # noqa: NPY002
    canonical_rows(LARGE, SMALL, SIZES, 133)
    assert np.random.random() == expected  # noqa: NPY002


counts = st.lists(st.integers(5, 60), min_size=10, max_size=10)


@given(large=counts, small=counts, train=st.integers(0, 4), valid=st.integers(0, 1), seed=st.integers(0, 2**32 - 1))
def test_rows_exist_are_balanced_and_are_used_at_most_once(
    large: list[int], small: list[int], train: int, valid: int, seed: int
) -> None:
    rows = canonical_rows(large, small, SplitSizes(10 * train, 10 * valid, 20), seed)
    used = {name: list(zip(part.labels.tolist(), part.rows.tolist(), strict=True)) for name, part in rows.items()}
    together = used["train"] + used["valid"]
    assert len(set(together)) == len(together) == 10 * (train + valid)
    assert len(set(used["test"])) == len(used["test"]) == 20
    assert all(0 <= row < large[label] for label, row in together)
    assert all(0 <= row < small[label] for label, row in used["test"])
    for name, per_letter in (("train", train), ("valid", valid), ("test", 2)):
        assert np.bincount(rows[name].labels, minlength=10).tolist() == [per_letter] * 10


def test_the_error_of_a_too_large_split_names_the_letters_with_too_few_images() -> None:
    with pytest.raises(CurationError, match=r"B has 31, C has 29\b") as caught:
        canonical_rows((50, 31, 29, *[50] * 7), SMALL, SplitSizes(300, 20, 10), 133)
    assert caught.value.subject == "notMNIST_large"
    assert "290" in caught.value.remedy
    with pytest.raises(CurationError, match="B has 5, D has 5") as caught:
        canonical_rows(LARGE, SMALL, SplitSizes(100, 10, 60), 133)
    assert caught.value.subject == "notMNIST_small"


def test_the_error_names_the_scarcest_letter_if_all_letters_have_too_few_images() -> None:
    with pytest.raises(
        CurationError, match="needs 50 images per letter, but no letter has that many: C has 29, the fewest"
    ):
        canonical_rows(LARGE, SMALL, SplitSizes(440, 60, 10), 133)


def test_the_error_of_archives_too_small_for_any_split_suggests_no_size() -> None:
    with pytest.raises(CurationError, match="A has 1,") as caught:
        canonical_rows([1] * 10, SMALL, SplitSizes(10, 10, 10), 133)
    assert caught.value.remedy == "Use an archive with at least 2 readable images of each letter."


optional_size = st.none() | st.integers(1, 300).map(lambda tenth: 10 * tenth)
available = st.lists(st.integers(1, 25_000), min_size=10, max_size=10)


@given(large=available, small=available, train=optional_size, valid=optional_size, test=optional_size)
@settings(max_examples=300)
def test_sizes_that_are_not_set_fit_the_data_and_set_sizes_are_kept(
    large: list[int], small: list[int], train: int | None, valid: int | None, test: int | None
) -> None:
    sizes = sizes_from_data(large, small, train=train, valid=valid, test=test)
    for name, given_size, largest in (("train", train, 200_000), ("valid", valid, 10_000), ("test", test, 10_000)):
        chosen = getattr(sizes, name)
        assert chosen == given_size if given_size is not None else 10 <= chosen <= largest
        assert chosen % 10 == 0
    needed = (train or 10) + (valid or 10)
    if needed <= 10 * min(large):
        assert sizes.train + sizes.valid <= 10 * min(large)
    if train is None and valid is None and 2 <= min(large) <= 20_000:
        assert sizes.train + sizes.valid == 10 * min(large)
    if train is None and valid is None and 21 <= min(large) <= 21_000:
        assert 21 * sizes.valid <= 10 * min(large) < 21 * (sizes.valid + 10), "one row in 21"


def test_the_published_archives_give_the_assignments_sizes() -> None:
    sizes = sizes_from_data([52_909] * 10, [1872] * 10, train=None, valid=None, test=None)
    assert sizes == SplitSizes(200_000, 10_000, 10_000)


def test_an_empty_letter_is_an_error() -> None:
    small = [0, *[5] * 9]
    with pytest.raises(CurationError, match="A has 0"):
        canonical_rows(LARGE, small, sizes_from_data(LARGE, small, train=None, valid=None, test=None), 133)
