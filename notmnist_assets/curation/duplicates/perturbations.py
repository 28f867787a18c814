"""What happens to copies of an image on their way: noise, moves, blur, other encodings.

Belongs here: perturbations of known kind and strength, as planted duplicates for `recall`.
"""

import io
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
from PIL import Image

from notmnist_assets.curation.core.images import PIXEL_DEPTH, PIXELS, SIDE, Images, moved
from notmnist_assets.curation.duplicates.near import SHIFTS


@dataclass(frozen=True)
class Perturbation:
    """One kind of change, from weak to strong.

    Attributes:
        name: what people call it.
        unit: what its strength counts.
        strengths: from weak to strong.
        apply: the change; takes uint8 (n, 28, 28), a strength and a generator, returns uint8 (n, 28, 28).
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
        result[rows] = moved(images[rows], dy * int(pixels), dx * int(pixels))
    return result


def _blur(images: Images, sigma: float, _rng: np.random.Generator) -> Images:
    from scipy import ndimage  # late: SciPy takes half a second to import

    return _to_gray(ndimage.gaussian_filter(images.astype(np.float64), (0, sigma, sigma), mode="nearest"))


def _erosion(images: Images, size: float, _rng: np.random.Generator) -> Images:
    from scipy import ndimage  # late, as above

    return ndimage.grey_erosion(images, (1, int(size), int(size)), mode="nearest")


def _dilation(images: Images, size: float, _rng: np.random.Generator) -> Images:
    from scipy import ndimage  # late, as above

    return ndimage.grey_dilation(images, (1, int(size), int(size)), mode="nearest")


def _resize(images: Images, side: float, _rng: np.random.Generator) -> Images:
    def there_and_back(picture: Image.Image) -> Image.Image:
        smaller = picture.resize((int(side), int(side)), Image.Resampling.BICUBIC)
        return smaller.resize((SIDE, SIDE), Image.Resampling.BICUBIC)

    return _by_pillow(images, there_and_back)


def _jpeg(images: Images, quality: float, _rng: np.random.Generator) -> Images:
    def encoded(picture: Image.Image) -> Image.Image:
        file = io.BytesIO()
        picture.save(file, "JPEG", quality=int(quality))
        return Image.open(file)

    return _by_pillow(images, encoded)


def _by_pillow(images: Images, change: Callable[[Image.Image], Image.Image]) -> Images:
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
    Perturbation("resize", "side in between", (56, 27, 24, 20, 14), _resize),
    Perturbation("jpeg", "quality", (95, 85, 75, 50, 25), _jpeg),
    Perturbation("quantization", "gray levels", (128, 64, 32, 16, 8, 4), _quantization),
)


def planted(images: Images, seed: int) -> Iterator[tuple[Perturbation, float, Images]]:
    """Yield each perturbation and strength with the changed copies of `images`, uint8 (n, 28, 28).

    Each has a generator of its own: the copies do not depend on which others are made.
    """
    for kind, perturbation in enumerate(PERTURBATIONS):
        for step, strength in enumerate(perturbation.strengths):
            rng = np.random.default_rng([seed, kind, step])
            yield perturbation, strength, perturbation.apply(images, strength, rng)
