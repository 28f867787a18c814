"""Perturbs images to the near duplicates that `recall` plants: noise, shifts, blur, resizing, re-encoding."""

import io
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
from PIL import Image

from notmnist_assets.curation.core.images import PIXEL_DEPTH, PIXELS, SIDE, Images, shift_pixels
from notmnist_assets.curation.duplicates.near import SHIFTS


@dataclass(frozen=True)
class Perturbation:
    """A kind of change with its strengths.

    Attributes:
        name: name of the change.
        unit: unit of the strengths.
        strengths: strengths, from weak to strong.
        apply: function of images uint8 (n, 28, 28), a strength and a generator that returns uint8 (n, 28, 28).
    """

    name: str
    unit: str
    strengths: tuple[float, ...]
    apply: Callable[[Images, float, np.random.Generator], Images]


def _to_gray(values: npt.NDArray[np.floating | np.integer]) -> Images:
    gray: Images = np.clip(np.rint(values), 0, PIXEL_DEPTH).astype(np.uint8)
    return gray


def _gray_noise(images: Images, levels: float, rng: np.random.Generator) -> Images:
    noise = rng.integers(-int(levels), int(levels), images.shape, np.int16, endpoint=True)
    return _to_gray(images + noise)


def _changed_pixels(images: Images, count: float, rng: np.random.Generator) -> Images:
    changed = images.reshape(-1, PIXELS).copy()
    places = rng.random(changed.shape).argsort(axis=1)[:, : int(count)]
    values = rng.integers(0, PIXEL_DEPTH, places.shape, np.uint8, endpoint=True)
    np.put_along_axis(changed, places, values, axis=1)
    return changed.reshape(images.shape)


def _shift(images: Images, pixels: float, rng: np.random.Generator) -> Images:
    result = images.copy()
    directions = rng.integers(0, len(SHIFTS), len(images))
    for number, (dy, dx) in enumerate(SHIFTS):
        rows = directions == number
        result[rows] = shift_pixels(images[rows], dy * int(pixels), dx * int(pixels))
    return result


def _blur(images: Images, sigma: float, _rng: np.random.Generator) -> Images:
    from scipy import ndimage  # imported here because importing SciPy takes half a second

    return _to_gray(ndimage.gaussian_filter(images.astype(np.float64), (0, sigma, sigma), mode="nearest"))


def _erosion(images: Images, size: float, _rng: np.random.Generator) -> Images:
    from scipy import ndimage

    return ndimage.grey_erosion(images, (1, int(size), int(size)), mode="nearest")


def _dilation(images: Images, size: float, _rng: np.random.Generator) -> Images:
    from scipy import ndimage

    return ndimage.grey_dilation(images, (1, int(size), int(size)), mode="nearest")


def _resize(images: Images, side: float, _rng: np.random.Generator) -> Images:
    def resize(picture: Image.Image) -> Image.Image:
        intermediate = picture.resize((int(side), int(side)), Image.Resampling.BICUBIC)
        return intermediate.resize((SIDE, SIDE), Image.Resampling.BICUBIC)

    return _apply_with_pillow(images, resize)


def _jpeg(images: Images, quality: float, _rng: np.random.Generator) -> Images:
    def encode(picture: Image.Image) -> Image.Image:
        file = io.BytesIO()
        picture.save(file, "JPEG", quality=int(quality))
        return Image.open(file)

    return _apply_with_pillow(images, encode)


def _apply_with_pillow(images: Images, change: Callable[[Image.Image], Image.Image]) -> Images:
    result = np.empty_like(images)
    for row, image in enumerate(images):
        result[row] = np.asarray(change(Image.fromarray(image)))
    return result


def _quantization(images: Images, levels: float, _rng: np.random.Generator) -> Images:
    step = PIXEL_DEPTH / (levels - 1)
    return _to_gray(np.rint(images / step) * step)


PERTURBATIONS: Final = (
    Perturbation("gray noise", "levels up or down", (1, 2, 4, 8, 16, 32), _gray_noise),
    Perturbation("changed pixels", "pixels", (1, 2, 4, 8, 16, 32), _changed_pixels),
    Perturbation("shift", "pixels", (1, 2), _shift),
    Perturbation("blur", "sigma in pixels", (0.35, 0.5, 0.75, 1.0), _blur),
    Perturbation("erosion", "side of the square", (2, 3), _erosion),
    Perturbation("dilation", "side of the square", (2, 3), _dilation),
    Perturbation("resize", "side of the intermediate image", (56, 27, 24, 20, 14), _resize),
    Perturbation("jpeg", "quality", (95, 85, 75, 50, 25), _jpeg),
    Perturbation("quantization", "gray levels", (128, 64, 32, 16, 8, 4), _quantization),
)


def perturbed_copies(images: Images, kind: int, step: int, seed: int) -> Images:
    """Return perturbed copies of `images`, uint8 (n, 28, 28), by the perturbation and the strength at these positions.

    Each has its own random generator, so that the copies do not depend on the other perturbations.
    """
    perturbation = PERTURBATIONS[kind]
    return perturbation.apply(images, perturbation.strengths[step], np.random.default_rng([seed, kind, step]))
