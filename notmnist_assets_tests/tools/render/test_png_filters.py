"""The choice of filters, compared with the specification byte by byte."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as st_numpy

from notmnist_assets.curation.core.images import SIDE, Images
from tools.render.png_filters import filter_rows

any_images = st_numpy.arrays(np.uint8, st.tuples(st.integers(0, 2), st.just(SIDE), st.just(SIDE)))


def paeth(a: int, b: int, c: int) -> int:
    """The predictor of section 9.4: the neighbour nearest to a + b - c, ties to a, then b."""
    return min((a, b, c), key=lambda neighbour: abs(a + b - c - neighbour))


def filtered_by_definition(image: list[list[int]]) -> list[list[int]]:
    lines = []
    for y, line in enumerate(image):
        above = image[y - 1] if y else [0] * SIDE
        left, corner = [0, *line[:-1]], [0, *above[:-1]]
        predictions = {
            0: [0] * SIDE,
            1: left,
            2: above,
            4: [paeth(a, b, c) for a, b, c in zip(left, above, corner, strict=True)],
        }
        candidates = [
            [kind, *((pixel - guess) % 256 for pixel, guess in zip(line, guesses, strict=True))]
            for kind, guesses in predictions.items()
        ]
        lines.append(min(candidates, key=lambda candidate: sum(min(v, 256 - v) for v in candidate[1:])))
    return lines


@settings(max_examples=50)
@given(any_images)
def test_each_row_has_the_filter_and_the_bytes_of_the_definition(images: Images) -> None:
    expected = [filtered_by_definition(image) for image in images.tolist()]
    np.testing.assert_array_equal(filter_rows(images), np.array(expected, np.uint8).reshape(-1, SIDE, SIDE + 1))


def test_smooth_images_use_every_filter() -> None:
    slope = np.arange(SIDE)
    images = np.stack(
        [
            np.zeros((SIDE, SIDE)),
            np.tile(slope * 9, (SIDE, 1)),
            np.add.outer(slope * 4, slope**2 % 251),
            np.add.outer(slope * 5, slope * 4),
        ]
    ).astype(np.uint8)
    rows = filter_rows(images)
    assert set(rows[:, :, 0].ravel().tolist()) == {0, 1, 2, 4}
    expected = [filtered_by_definition(image) for image in images.tolist()]
    np.testing.assert_array_equal(rows, np.array(expected, np.uint8))


def test_a_read_only_view_is_filtered_alike() -> None:
    images = np.random.default_rng(0).integers(0, 256, (4, SIDE, SIDE), np.uint8)
    view = images[::2]
    view.flags.writeable = False
    np.testing.assert_array_equal(filter_rows(view), filter_rows(images)[::2])
