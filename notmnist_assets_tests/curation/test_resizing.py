"""All images at once against Pillow's resize of each."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as st_numpy
from PIL import Image

from notmnist_assets.curation.images import Images
from notmnist_assets.curation.resizing import resize

FILTERS = [Image.Resampling.LANCZOS, Image.Resampling.BICUBIC, Image.Resampling.BILINEAR, Image.Resampling.BOX]
squares = st.tuples(st.integers(0, 4), st.integers(1, 40)).map(lambda drawn: (drawn[0], drawn[1], drawn[1]))
some_images = st_numpy.arrays(np.uint8, squares)


@given(some_images, st.integers(1, 60), st.sampled_from(FILTERS))
def test_each_image_comes_out_as_pillow_alone_makes_it(images: Images, side: int, chosen: Image.Resampling) -> None:
    resized = resize(images, side, chosen)
    assert resized.shape == (len(images), side, side)
    for image, found in zip(images, resized, strict=True):
        np.testing.assert_array_equal(found, np.asarray(Image.fromarray(image).resize((side, side), chosen)))


@pytest.mark.parametrize("side", [14, 28, 32])
def test_a_view_that_cannot_be_written_is_resized_too(side: int) -> None:
    images = np.random.default_rng(0).integers(0, 256, (6, 28, 28), np.uint8)
    view = images[::2]
    view.flags.writeable = False
    np.testing.assert_array_equal(resize(view, side, FILTERS[0]), resize(images, side, FILTERS[0])[::2])


def test_images_that_are_no_squares_are_refused() -> None:
    with pytest.raises(ValueError, match="no squares"):
        resize(np.zeros((2, 28, 20), np.uint8), 14, FILTERS[0])
