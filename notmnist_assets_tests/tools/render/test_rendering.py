"""Rendering of letters: random numbers, framing, small changes, PNG bytes, names."""

import io

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as st_numpy
from PIL import Image

from notmnist_assets.curation.core.images import LETTERS, SIDE, Images
from tools.render.fonts import face_files, glyphs
from tools.render.framing import CANVAS, Canvases, fill_frame
from tools.render.names import file_name, font_name
from tools.render.png_writing import encode
from tools.render.randomness import below, keys
from tools.render.rendering import (
    FARTHEST,
    NEAR_KINDS,
    NEAREST,
    distance,
    perturb,
    render,
)

any_images = st_numpy.arrays(np.uint8, st.tuples(st.integers(1, 4), st.just(SIDE), st.just(SIDE)))
any_canvases = st_numpy.arrays(np.uint8, st.tuples(st.integers(1, 3), st.just(CANVAS), st.just(CANVAS)))


@given(st.integers(0, 2**31 - 1), st.integers(0, 1000), st.integers(1, 2**31 - 1))
def test_a_sampled_integer_is_below_its_limit_and_independent_of_others(part: int, slot: int, limit: int) -> None:
    together = below(keys(1, np.array([3, part, 5])), slot, limit)
    assert together[1] == below(keys(1, part), slot, limit)[0]
    assert 0 <= together.min() <= together.max() < limit


def test_sampled_integers_are_uniform() -> None:
    counts = np.bincount(below(keys(7, np.arange(100_000)), 3, 10), minlength=10)
    assert abs(counts - 10_000).max() < 500  # five standard deviations


def test_every_typeface_has_ink_for_every_letter() -> None:
    for letter in LETTERS:
        assert (glyphs(letter).bitmaps.max(axis=(1, 2)) > 200).all()
    assert len(face_files()) > 60


def _fill_frame_by_definition(canvas: Canvases, margin: int) -> Images:
    """The same crop and cubic filter in Python's exact integers, pixel by pixel."""

    def weights(first: int, last: int, place: int) -> dict[int, int]:
        length = last - first + 1
        support = 2 * max(SIDE, length)
        cubic = {}
        for column in range(first, last + 1):
            d = abs((2 * (column - first) + 1) * SIDE - (2 * place + 1) * length)
            if d < support:
                cubic[column] = 3 * d**3 - 5 * d**2 * support + 2 * support**3
            elif d < 2 * support:
                cubic[column] = -(d**3) + 5 * d**2 * support - 8 * d * support**2 + 4 * support**3
        total = sum(cubic.values())
        rounded = {column: (2 * value * 128 + total) // (2 * total) for column, value in cubic.items()}
        largest = max(rounded, key=lambda column: (rounded[column], -column))
        rounded[largest] += 128 - sum(rounded.values())
        return rounded

    ink = canvas > 190
    edges = []
    for lines in (ink.any(axis=1), ink.any(axis=0)):
        inked = np.flatnonzero(lines)
        first, last = (int(inked[0]) - margin, int(inked[-1]) + margin) if len(inked) else (0, CANVAS - 1)
        edges.append((max(first, 0), min(last, CANVAS - 1)))
    framed = np.empty((SIDE, SIDE), np.uint8)
    down = [weights(*edges[0], place) for place in range(SIDE)]
    across = [weights(*edges[1], place) for place in range(SIDE)]
    for row in range(SIDE):
        for column in range(SIDE):
            level = sum(a * b * int(canvas[y, x]) for y, a in down[row].items() for x, b in across[column].items())
            framed[row, column] = min(max((level + 8192) // 16384, 0), 255)
    return framed


@settings(max_examples=6)
@given(any_canvases, st.integers(0, 4))
def test_framing_is_exact(canvases: Canvases, margin: int) -> None:
    framed = fill_frame(canvases, np.full(len(canvases), margin))
    for canvas, image in zip(canvases, framed, strict=True):
        np.testing.assert_array_equal(image, _fill_frame_by_definition(canvas, margin))


def test_a_block_of_ink_fills_the_whole_frame() -> None:
    canvases = np.zeros((1, CANVAS, CANVAS), np.uint8)
    canvases[0, 10:31, 40:44] = 255
    assert (fill_frame(canvases, np.zeros(1, np.int64)) == 255).all()


@given(any_images, st.sampled_from(NEAR_KINDS), st.integers(0, 2**40))
def test_a_small_change_stays_within_its_bounds(images: Images, kind: str, key: int) -> None:
    changed = perturb(images, np.full(len(images), kind), keys(key, np.arange(len(images))))
    distances = distance(images, changed)
    assert (distances >= NEAREST).all()
    assert (distances <= FARTHEST).all()


def test_small_changes_of_blank_images_stay_within_their_bounds() -> None:
    images = np.stack([np.full((SIDE, SIDE), level, np.uint8) for level in (0, 1, 127, 128, 254, 255)])
    for kind in NEAR_KINDS:
        distances = distance(images, perturb(images, np.full(6, kind), keys(5, np.arange(6))))
        assert NEAREST <= distances.min() <= distances.max() <= FARTHEST


@given(any_images)
def test_pillow_reads_the_png_files_back(images: Images) -> None:
    for image, content in zip(images, encode(images), strict=True):
        with Image.open(io.BytesIO(content)) as picture:
            assert (picture.format, picture.mode) == ("PNG", "L")
            np.testing.assert_array_equal(np.asarray(picture), image)


def test_an_image_does_not_depend_on_the_others_of_its_batch() -> None:
    characters, styles = np.array(list("AABJI" * 40)), keys(9, np.arange(200))
    together = render(characters, styles)
    rows = np.array([7, 199, 60])
    np.testing.assert_array_equal(render(characters[rows], styles[rows]), together[rows])


def test_names_are_distinct_and_safe_as_parts_of_a_path() -> None:
    for set_name in ("large", "small"):
        names = {font_name(set_name, font) for font in range(60_000)}
        assert len(names) == 60_000
    files = [file_name("large", font) for font in range(3000)]
    assert not any("/" in name for name in files)
    assert max(map(len, files)) + len("notMNIST_large/A/") <= 100  # the name field of a tar header
    assert files != sorted(files)
