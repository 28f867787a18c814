"""Galleries of captioned images."""

import io

import numpy as np
from PIL import Image

from notmnist_assets.curation.core.exhibits import Exhibit, exhibit_sheet, pair_exhibit
from notmnist_assets_tests.builders import drawing


def test_a_gallery_contains_both_images_and_their_difference_side_by_side() -> None:
    one, other = drawing(0), drawing(1)
    assert (np.maximum(one, other) - np.minimum(one, other)).max() == 255, "nothing to amplify"
    exhibit = pair_exhibit("a pair", one, other)
    difference = np.maximum(one, other) - np.minimum(one, other)
    np.testing.assert_array_equal(exhibit.images, np.stack([one, other, difference]))
    with Image.open(io.BytesIO(exhibit_sheet([exhibit, exhibit], per_line=1))) as picture:
        pixels = np.asarray(picture)
    enlarged = np.kron(difference, np.ones((3, 3), np.uint8))
    places = [
        (top, left)
        for top in range(pixels.shape[0] - 83)
        for left in range(pixels.shape[1] - 83)
        if pixels[top, left] == enlarged[0, 0] and np.array_equal(pixels[top : top + 84, left : left + 84], enlarged)
    ]
    assert len(places) == 2
    assert all((pixels[top : top + 84, left - 6 : left] == 190).all() for top, left in places), "paper between images"


def test_a_faint_difference_is_amplified_to_full_contrast() -> None:
    one = np.full((28, 28), 100, np.uint8)
    other = one.copy()
    other[3, 4], other[5, 6] = 103, 99
    difference = pair_exhibit("a faint pair", one, other).images[2]
    assert [int(difference[3, 4]), int(difference[5, 6]), np.count_nonzero(difference)] == [255, 85, 2]
    assert not pair_exhibit("equal", one, one).images[2].any()


def test_a_gallery_without_exhibits_or_images_is_a_picture() -> None:
    with Image.open(io.BytesIO(exhibit_sheet([], per_line=2))) as picture:
        assert picture.width > 0
    with Image.open(
        io.BytesIO(exhibit_sheet([Exhibit("empty", np.zeros((0, 28, 28), np.uint8))], per_line=2))
    ) as picture:
        assert picture.height > 0
