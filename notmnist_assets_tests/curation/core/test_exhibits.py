"""Contact sheets and galleries of captioned images."""

import io

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image

from notmnist_assets.curation.core.exhibits import Exhibit, contact_sheet, exhibit_sheet, pair_exhibit
from notmnist_assets.curation.core.images import Images
from notmnist_assets_tests.builders import drawing

PITCH, GAP = 30, 2


def opened(png: bytes) -> npt.NDArray[np.uint8]:
    with Image.open(io.BytesIO(png)) as picture:
        assert picture.format == "PNG"
        return np.asarray(picture)


def noise(rows: int, seed: int = 0) -> Images:
    return np.random.default_rng(seed).integers(0, 256, (rows, 28, 28), dtype=np.uint8)


def at(sheet: npt.NDArray[np.uint8], line: int, column: int) -> npt.NDArray[np.uint8]:
    top, left = GAP + line * PITCH, GAP + column * PITCH
    return sheet[top : top + 28, left : left + 28]


@pytest.mark.parametrize(("rows", "columns", "lines"), [(0, 10, 1), (1, 10, 1), (10, 10, 1), (11, 10, 2), (7, 3, 3)])
def test_a_contact_sheet_shows_images_in_reading_order(rows: int, columns: int, lines: int) -> None:
    images = noise(rows)
    sheet = opened(contact_sheet(images, columns))
    assert sheet.shape == (lines * PITCH + GAP, columns * PITCH + GAP)
    for place, image in enumerate(images):
        np.testing.assert_array_equal(at(sheet, place // columns, place % columns), image)


def test_everything_around_the_images_is_background() -> None:
    sheet = opened(contact_sheet(noise(3), columns=2)).copy()
    for place in range(3):
        at(sheet, place // 2, place % 2)[:] = 96
    assert (sheet == 96).all()


@pytest.mark.parametrize("levels", [2, 4, 16, 256])
def test_fewer_gray_levels_stay_close_to_the_image_and_make_no_larger_file(levels: int) -> None:
    images = noise(20)
    sheet = contact_sheet(images, levels=levels)
    shown = at(opened(sheet), 1, 3)
    assert len(np.unique(shown)) <= levels
    assert (images[13] - shown.astype(int)).max() < 256 // levels
    assert len(sheet) <= len(contact_sheet(images))


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
