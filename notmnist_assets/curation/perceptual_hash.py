"""The perceptual hash that general tools use, for comparison.

Belongs here: the 64-bit DCT hash and its Hamming distance. What it finds and misses is measured in `recall`.
"""

from typing import Final

import numpy as np
import numpy.typing as npt
from PIL import Image

from notmnist_assets.curation.images import Images
from notmnist_assets.curation.resizing import resize

_RESIZED: Final = 32
_LOW: Final = 8
_CHUNK: Final = 4096


def perceptual_hashes(images: Images) -> npt.NDArray[np.uint64]:
    """Return the pHash of each image, uint64 (n,), as the package imagehash computes it.

    Resize to 32x32 (Lanczos), discrete cosine transform of type II, keep the 8x8 lowest frequencies, set a
    bit where one is above their median.

    Args:
        images: uint8 (n, 28, 28).
    """
    # SciPy takes half a second to import: not before it is needed.
    from scipy.fft import dctn

    hashes = np.empty(len(images), np.uint64)
    for start in range(0, len(images), _CHUNK):
        chunk = images[start : start + _CHUNK]
        resized = resize(chunk, _RESIZED, Image.Resampling.LANCZOS)
        low = dctn(resized.astype(np.float64), type=2, axes=(1, 2))[:, :_LOW, :_LOW].reshape(len(chunk), -1)
        bits = np.packbits(low > np.median(low, axis=1, keepdims=True), axis=1)
        hashes[start : start + len(chunk)] = bits.view(">u8")[:, 0]
    return hashes


def hamming(a: npt.NDArray[np.uint64], b: npt.NDArray[np.uint64]) -> npt.NDArray[np.uint8]:
    """Return in how many bits hashes differ, uint8 of the broadcast shape."""
    bits: npt.NDArray[np.uint8] = np.bitwise_count(a ^ b)
    return bits
