"""The image format and the assignment's pixel scale."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as st_numpy

from notmnist_assets.curation.core import images
from notmnist_assets.curation.core.images import Images, as_float32, check_images, copy_rows, distances, shift_pixels


def test_scaled_pixels_are_the_assignments_for_every_gray_level() -> None:
    images = np.resize(np.arange(256, dtype=np.uint8), (2, 28, 28))
    scaled = as_float32(images)
    assert scaled.dtype == np.float32
    assert scaled.shape == images.shape
    np.testing.assert_array_equal(scaled, ((images.astype(float) - 255 / 2) / 255).astype(np.float32))
    assert (scaled.min(), scaled.max()) == (-0.5, 0.5)


def test_scaling_loses_nothing() -> None:
    images = np.resize(np.arange(256, dtype=np.uint8), (1, 28, 28))
    np.testing.assert_array_equal(np.rint(as_float32(images) * 255 + 127.5), images)


@pytest.mark.parametrize("at_a_time", [1, 3, 1024])
def test_rows_are_copied_to_their_places_and_other_rows_are_unchanged(
    at_a_time: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(images, "_ROWS_AT_A_TIME", at_a_time)
    random = np.random.default_rng(0)
    source = random.integers(0, 256, (9, 28, 28), np.uint8)
    target = random.integers(0, 256, (12, 28, 28), np.uint8)
    rows, places = np.array([8, 0, 3, 3, 5]), np.array([2, 11, 0, 7, 4])
    expected = target.copy()
    for row, place in zip(rows, places, strict=True):
        expected[place] = source[row]
    copy_rows(source, rows, target, places)
    np.testing.assert_array_equal(target, expected)
    copy_rows(source, rows[:0], target, places[:0])
    np.testing.assert_array_equal(target, expected)


any_images = st_numpy.arrays(np.uint8, st.tuples(st.integers(0, 2), st.just(5), st.just(5)))


@given(any_images, st.integers(-4, 4), st.integers(-4, 4))
def test_pixels_are_shifted_and_new_pixels_are_background(images: Images, down: int, right: int) -> None:
    before, after = images.copy(), shift_pixels(images, down, right)
    np.testing.assert_array_equal(images, before)
    for number, y, x in np.ndindex(images.shape):
        inside = 0 <= y - down < 5 and 0 <= x - right < 5
        assert after[number, y, x] == (images[number, y - down, x - right] if inside else 0)


def test_distances_are_those_of_a_loop_over_all_pixels() -> None:
    random = np.random.default_rng(0)
    one, other = random.integers(0, 256, (2, 3, 28, 28), np.uint8)
    one[2], other[2] = 0, 255
    pairs = zip(one.reshape(3, -1).tolist(), other.reshape(3, -1).tolist(), strict=True)
    expected = [sum(abs(a - b) for a, b in zip(*images, strict=True)) for images in pairs]
    assert distances(one, other).tolist() == expected
    assert expected[2] == 784 * 255
    assert distances(one[:0], other[:0]).dtype == np.int64


def test_any_number_of_images_of_the_right_shape_passes() -> None:
    check_images(np.zeros((0, 28, 28), np.uint8), "nothing")
    check_images(np.zeros((2, 28, 28), np.uint8), "two")


@pytest.mark.parametrize(
    "wrong",
    [
        np.zeros((2, 28, 28)),
        np.zeros((2, 28, 27), np.uint8),
        np.zeros((28, 28), np.uint8),
        np.zeros((2, 784), np.uint8),
    ],
)
def test_other_shapes_and_types_are_refused_by_name(wrong: np.ndarray) -> None:
    with pytest.raises(ValueError, match=r"Split\.images must be uint8 \(n, 28, 28\)"):
        check_images(wrong, "Split.images")
