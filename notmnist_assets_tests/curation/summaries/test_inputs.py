"""Summaries of archives, letters, files, splits and hash tables: what was found, rejected, and left outside."""

import numpy as np
import pandas as pd

from notmnist_assets.curation.core import published
from notmnist_assets.curation.core.images import LETTERS, SIDE
from notmnist_assets.curation.core.values import Archive, LetterImages, OtherFiles, Split
from notmnist_assets.curation.reading.files import files_table
from notmnist_assets.curation.summaries.inputs import (
    archive_summary,
    files_summary,
    hash_summary,
    letter_summary,
    split_summary,
)
from notmnist_assets.curation.summaries.text import LONGEST
from notmnist_assets_tests.plain import plain_lines

REASON = "wrong shape: 3 x 3"


def letter(images: int, rejected: int = 0, outside: int = 0) -> LetterImages:
    names = [f"bad{number}.png" for number in range(rejected)]
    return LetterImages(
        np.zeros((images, SIDE, SIDE), np.uint8),
        np.array([f"{number}.png" for number in range(images)], object),
        pd.DataFrame({"name": names, "bytes": [1] * rejected, "reason": [REASON] * rejected}),
        OtherFiles(outside, ("README",) if outside else ()),
    )


def text_of(summary: str) -> str:
    assert len(summary) < LONGEST
    assert summary.count("**") == 2, "one number in bold"
    return "\n".join(plain_lines(summary))


def test_an_archive_is_an_original_or_not() -> None:
    other = Archive("x", 8_460_000, "ab" * 32, "/data/notMNIST_large.tar.gz")
    original = Archive("x", 1, published.ARCHIVES["large"].sha256, "http://host/notMNIST_large.tar.gz")
    assert "8.5 MB, /data/notMNIST_large.tar.gz" in text_of(archive_summary("large", other))
    shards = Archive.of_shards([other] * 3, "x", "/data/notMNIST_large-*.tar.gz")
    assert "25.4 MB in 3 shards, /data/notMNIST_large-*.tar.gz" in text_of(archive_summary("large", shards))
    assert "It is not the original" in text_of(archive_summary("large", other))
    assert "It is the original" in text_of(archive_summary("large", original))


def test_a_letter_says_what_was_rejected_and_what_lay_outside() -> None:
    text = text_of(letter_summary("small", "C", letter(7, rejected=1, outside=2)))
    assert "7 images of the letter C in the small archive, from 8 files." in text
    assert f"Rejected: 1 file (12.5 %): {REASON} (1)." in text
    assert "2 files (2 in small)" in text
    clean = text_of(letter_summary("large", "C", letter(7)))
    assert "No file was rejected." in clean
    assert "All files lie directly in the folders A to J." in clean


def test_files_say_what_was_rejected_what_lay_outside_and_which_letter_is_scarcest() -> None:
    large = {name: letter(9, rejected=1, outside=1) for name in LETTERS}
    small = {name: letter(2 if name == "D" else 5) for name in LETTERS}
    text = text_of(files_summary(files_table({"large": large, "small": small})))
    assert "137 images in 148 files of both archives." in text
    assert f"Rejected: 10 files (6.8 %): {REASON} (10)." in text
    assert "1 file (1 in large)" in text
    assert "A with 9 images in large, D with 2 images in small" in text


def test_a_split_says_its_rows_and_what_was_left_out() -> None:
    rows = 20
    sources = pd.DataFrame({column: ["x"] * rows for column in ("set", "letter", "name", "font")})
    split = Split(np.zeros((rows, SIDE, SIDE), np.uint8), np.arange(rows, dtype=np.int32) % 10, sources)
    text = text_of(split_summary("valid", split, seed=133, size="by its setting", images_left_out=1, readable=[4] * 10))
    assert "20 rows, 2 of each letter, from the large archive, shuffled with seed 133." in text
    assert "1 readable image of the archive (2.5 %) is in no split." in text


def test_a_hash_table_says_its_distinct_images() -> None:
    text = text_of(hash_summary("valid", 20, 4, 1))
    assert "4 distinct images in the 20 rows of splits/valid: 16 rows (80 %) repeat" in text
    assert "sees 1 distinct images; it calls 3 more equal" in text
