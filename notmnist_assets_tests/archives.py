"""Writes tiny archives: gray PNG letters with base64 font names, planted repeats and unreadable files."""

import base64
import gzip
import hashlib
import io
import tarfile
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFont

from notmnist_assets.curation.core.images import LETTERS, SIDE

Members = dict[str, dict[str, bytes]]
"""Content of each file, by letter and file name."""

EMPTY = base64.b64encode(b"Empty.ttf").decode() + ".png"
NOT_A_PNG = base64.b64encode(b"Broken.otf").decode() + ".png"
BAD_FILES: Mapping[str, tuple[str, bytes]] = {"A": (EMPTY, b""), "F": (NOT_A_PNG, b"this is not a picture")}


def png(pixels: npt.NDArray[np.uint8]) -> bytes:
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    return file.getvalue()


def glyph(letter: str, random: np.random.Generator) -> npt.NDArray[np.uint8]:
    """Render a letter at a random size and place, with a little noise on the ink."""
    canvas = Image.new("L", (SIDE, SIDE))
    size = float(random.uniform(20, 28))
    place = (SIDE / 2 + random.uniform(-2, 2), SIDE / 2 + random.uniform(-2, 2))
    font = ImageFont.load_default(size)
    ImageDraw.Draw(canvas).text(
        place, letter, fill=255, font=font, anchor="mm", stroke_width=int(random.integers(1, 3))
    )
    ink = np.asarray(canvas).astype(np.int16)
    noise = random.integers(-60, 61, ink.shape)
    return np.where(ink > 0, np.clip(ink + noise, 1, 255), 0).astype(np.uint8)


def members(per_letter: int, seed: int, *, repeats: Sequence[bytes] = ()) -> Members:
    """Return `per_letter` readable files of each letter, and one unreadable file each for A and F.

    Args:
        per_letter: readable files of each letter; each fifth of them repeats the previous one.
        seed: seed of the images.
        repeats: files that replace the first files of A.
    """
    random = np.random.default_rng(seed)
    by_letter: Members = {}
    for letter in LETTERS:
        files: dict[str, bytes] = {}
        data = b""
        for number in range(per_letter):
            if number % 5 != 4:
                data = png(glyph(letter, random))
            name = base64.b64encode(f"Font {seed}-{number}{'AbC'[number % 3]}.ttf".encode()).decode()
            files[f"{name}.png"] = data
        if letter in BAD_FILES:
            name, data = BAD_FILES[letter]
            files[name] = data
        by_letter[letter] = files
    for name, data in zip(list(by_letter["A"]), repeats, strict=False):
        by_letter["A"][name] = data
    return by_letter


def write_archive(folder: Path, set_name: str, letters: Members, file_name: str | None = None) -> Path:
    """Write an archive, or under another `file_name` a shard; equal members give equal bytes."""
    packed = io.BytesIO()
    root = f"notMNIST_{set_name}"
    with tarfile.open(fileobj=packed, mode="w", format=tarfile.GNU_FORMAT) as tar:
        for letter, files in letters.items():
            directory = tarfile.TarInfo(f"{root}/{letter}/")
            directory.type = tarfile.DIRTYPE
            tar.addfile(directory)
            for name, data in files.items():
                entry = tarfile.TarInfo(f"{root}/{letter}/{name}")
                entry.size = len(data)
                tar.addfile(entry, io.BytesIO(data))
    path = folder / (file_name or f"{root}.tar.gz")
    folder.mkdir(parents=True, exist_ok=True)
    path.write_bytes(gzip.compress(packed.getvalue(), compresslevel=1, mtime=0))
    return path


def write_shards(folder: Path, set_name: str, letters: Members, count: int) -> None:
    """Write the files of an archive as `count` shards, in turns."""
    for number in range(count):
        part = {letter: dict(list(files.items())[number::count]) for letter, files in letters.items()}
        write_archive(folder, set_name, part, f"notMNIST_{set_name}-{number:05}-of-{count:05}.tar.gz")


def write_checksums(folder: Path, names: Sequence[str] = ("large", "small")) -> None:
    """Write `SHA256SUMS` for the archives in `folder`, as `sha256sum` does."""
    files = [folder / f"notMNIST_{name}.tar.gz" for name in names]
    lines = [f"{hashlib.sha256(file.read_bytes()).hexdigest()}  {file.name}\n" for file in files]
    (folder / "SHA256SUMS").write_text("".join(lines))


LARGE_PER_LETTER, SMALL_PER_LETTER = 30, 15


def tiny_members() -> dict[str, Members]:
    """Return both sets; six images of the small letter A are also in the large one."""
    large = members(LARGE_PER_LETTER, seed=1)
    shared = list(large["A"].values())[:6]
    return {"large": large, "small": members(SMALL_PER_LETTER, seed=2, repeats=shared)}


def write_archives(folder: Path) -> None:
    for set_name, letters in tiny_members().items():
        write_archive(folder, set_name, letters)
