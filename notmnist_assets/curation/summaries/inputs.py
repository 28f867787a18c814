"""Summaries of archives, letters, files, splits and hash tables."""

from collections.abc import Collection, Mapping, Sequence

import numpy as np
import pandas as pd

from notmnist_assets.curation.core import published
from notmnist_assets.curation.core.images import LETTERS, SETS
from notmnist_assets.curation.core.values import Archive, LetterImages, Split
from notmnist_assets.curation.core.wording import counted
from notmnist_assets.curation.reading.files import OUTSIDE, file_counts, other_files, readable_files, rejected_files
from notmnist_assets.curation.splitting.splits import SET_OF_SPLIT, SPLITS
from notmnist_assets.curation.summaries.text import asset_link, bold, outside_text, percent, summary

_MOST_REASONS = 3
_MEGABYTE = 1e6
_SHORT_DIGEST = 12


def archive_summary(set_name: str, archive: Archive) -> str:
    """Say where an archive came from, whether it is an original, and what was read from it."""
    original = archive.sha256 == published.ARCHIVES[set_name].sha256
    in_shards = f" in {counted(len(archive.shards), 'shard')}" if archive.shards else ""
    return summary(
        f"The {set_name} archive was verified before it was stored:"
        f" {bold(f'{archive.bytes / _MEGABYTE:,.1f} MB')}{in_shards}, {outside_text(archive.origin)}.",
        f"It is {'the original' if original else 'not the original'} notMNIST archive"
        f" (SHA-256 {archive.sha256[:_SHORT_DIGEST]}...)."
        + ("" if original else " Numbers published for the originals do not apply."),
        f"Read from it: {asset_link(f'letters/{set_name}/A', f'letters/{set_name}/A to J')}; what was rejected and what"
        f" lay outside the ten letters is in {asset_link('letters/files')}.",
    )


def letter_summary(set_name: str, letter: str, images: LetterImages, *, too_few: bool = False) -> str:
    """Say how many files of a letter are readable, why the others were rejected, and what to look at.

    Args:
        set_name: large or small.
        letter: A to J.
        images: the letter.
        too_few: whether it has fewer images than the settings require.
    """
    rejected = len(images.rejected)
    files = len(images) + rejected
    return summary(
        f"{bold(counted(len(images), 'image'))} of the letter {letter} in the {set_name} archive, from"
        f" {counted(files, 'file')}.",
        f"{rejected_in_words(images.rejected['reason'], files)} {'Listed below.' if rejected else ''}".strip(),
        outside_in_words({set_name: images.outside.count}),
        "These are too few: the check enough_images blocks everything downstream. The entry `next` gives the remedy."
        if too_few
        else "",
        f"Next: look at the picture, where white is ink. Splits take their rows from here:"
        f" {' and '.join(asset_link(f'splits/{name}') for name in SPLITS if SET_OF_SPLIT[name] == set_name)}.",
    )


def files_summary(files: pd.DataFrame) -> str:
    """Say how many files are images, rejected, or outside the ten letters, and which letter is scarcest.

    Args:
        files: the result of `reading.files.files_table`.
    """
    counts = file_counts(files)
    images, rejected = int(counts["images"].sum()), rejected_files(files)
    outside = other_files(files, OUTSIDE)
    total = images + len(rejected) + sum(outside.values())
    scarcest = {name: readable_files(files, name) for name in SETS if name in set(counts["set"])}
    return summary(
        f"{bold(f'{images:,} images')} in {counted(total, 'file')} of both archives.",
        rejected_in_words(rejected["outcome"], images + len(rejected)),
        outside_in_words(outside),
        "Each letter gives the same number of rows to the splits, so the scarcest one limits them: "
        + ", ".join(f"{_scarcest(numbers)} images in {name}" for name, numbers in scarcest.items())
        + f". See {asset_link('splits/train')}.",
        "Next: move files that are in no dataset directly into the folder of their letter (A/x.png, not A/new/x.png),"
        " or remove them."
        if sum(outside.values())
        else "Next: look at the rejected files below, and repair or remove them."
        if len(rejected)
        else "",
    )


def split_summary(
    name: str, split: Split, *, seed: int, size: str, images_left_out: int, readable: Sequence[int]
) -> str:
    """Say how many rows a split has, what limited them, and that splits share images before sanitizing.

    Args:
        name: train, valid or test.
        split: the split.
        seed: seed of the sample.
        size: what determines the size, such as `by its setting`.
        images_left_out: readable images of the archive that are in no split.
        readable: readable images of each letter A to J of the archive.
    """
    set_name = SET_OF_SPLIT[name]
    share = images_left_out / max(sum(readable), 1)
    return summary(
        f"{bold(counted(len(split), 'row'))}, {len(split) // len(LETTERS):,} of each letter, from the {set_name}"
        f" archive, shuffled with seed {seed}.",
        f"Size: {size}. {counted(images_left_out, 'readable image')} of the archive ({percent(share)})"
        f" {'is' if images_left_out == 1 else 'are'} in no split.",
        f"Merged splits share images: {asset_link('overlap/report')} counts them.",
        f"To train or evaluate without these leaks, take {asset_link(f'sanitized/{name}')} or"
        f" {asset_link(f'grouped/{name}')}.",
    )


def hash_summary(name: str, rows: int, exact: int, cells: int) -> str:
    """Say how many distinct images a split has by each digest.

    Args:
        name: train, valid or test.
        rows: its rows.
        exact: distinct images.
        cells: distinct maxima of cells.
    """
    return summary(
        f"{bold(counted(exact, 'distinct image'))} in the {counted(rows, 'row')} of {asset_link(f'splits/{name}')}:"
        f" {counted(rows - exact, 'row')} ({percent((rows - exact) / max(rows, 1))}) repeat the pixels of an earlier"
        " one.",
        f"The assignment's hash sees {cells:,} distinct images; it calls {exact - cells:,} more equal.",
        f"Next: {asset_link('overlap/report')} finds images that splits share, and {asset_link('overlap/near_pairs')}"
        " those that nearly agree.",
    )


def rejected_in_words(reasons: "pd.Series[str] | Collection[str]", files: int) -> str:
    """Return a sentence with the number of rejected files and the most frequent reasons."""
    found = pd.Series(list(reasons), dtype="str")
    if found.empty:
        return "No file was rejected."
    counts = found.value_counts(sort=False).sort_index().sort_values(ascending=False, kind="stable")
    named = [f"{outside_text(str(reason))} ({count:,})" for reason, count in counts.head(_MOST_REASONS).items()]
    more = len(counts) - _MOST_REASONS
    return (
        f"Rejected: {counted(len(found), 'file')} ({percent(len(found) / max(files, 1))}): {'; '.join(named)}"
        f"{f'; {more} more reasons' if more > 0 else ''}."
    )


def outside_in_words(outside: Mapping[str, int]) -> str:
    """Return a sentence with the number of files that are not directly in a folder A to J, by set."""
    total = sum(outside.values())
    if not total:
        return "All files lie directly in the folders A to J."
    by_set = ", ".join(f"{count:,} in {name}" for name, count in outside.items() if count)
    return f"Not directly in a folder A to J, so in no dataset: {counted(total, 'file')} ({by_set})."


def _scarcest(counts: Sequence[int]) -> str:
    """Return the letter with the fewest images and their number, such as `J with 30`."""
    return f"{LETTERS[int(np.argmin(counts))]} with {min(counts):,}"
