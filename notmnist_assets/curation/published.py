"""Published numbers of the original data, which results on the full profile must agree with.

Belongs here: constants with their source, and nothing computed. Sources: the archives as served by the
assignment's URL, and several public runs of the assignment that agree with each other.
"""

from typing import Final, NamedTuple

BASE_URL: Final = "https://commondatastorage.googleapis.com/books1000/"


class PublishedArchive(NamedTuple):
    """Size and digest of an original archive, and the pixel moments of its letters."""

    bytes: int
    sha256: str
    means: tuple[float, ...]
    deviations: tuple[float, ...]


ARCHIVES: Final = {
    "large": PublishedArchive(
        bytes=247_336_696,
        sha256="1e8261b75484b520dc76027f5c22af50fe608e3bb16277caec086eb928f9b61c",
        means=(
            -0.12825, -0.00756303, -0.142258, -0.0573678, -0.069899,
            -0.125583, -0.0945814, -0.0685221, 0.0307862, -0.153358,
        ),
        deviations=(
            0.443121, 0.454491, 0.439806, 0.455648, 0.452942,
            0.44709, 0.44624, 0.454232, 0.468899, 0.443656,
        ),
    ),
    "small": PublishedArchive(
        bytes=8_458_043,
        sha256="76b2ef7ccc56452964780569db37b279c9cbe1bf442c3b38be784752683b3cec",
        means=(
            -0.132626, 0.005356, -0.141521, -0.049217, -0.059915,
            -0.118185, -0.092550, -0.058689, 0.052645, -0.151689,
        ),
        deviations=(
            0.445128, 0.457115, 0.442690, 0.459759, 0.457350,
            0.452279, 0.449006, 0.458759, 0.471894, 0.448014,
        ),
    ),
}  # fmt: skip
"""By set. Means and standard deviations are of (pixel - 127.5) / 255, letters A to J."""
