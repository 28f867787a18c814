"""Checks that an archive has enough files of each letter, without decoding any of them."""

from notmnist_assets.curation.core.errors import CurationError
from notmnist_assets.curation.core.images import LETTERS
from notmnist_assets.curation.core.values import Archive
from notmnist_assets.curation.reading.letters import check_absent, read_letters


def check_shape(archive: Archive, set_name: str, minimum: int) -> None:
    """Read an archive once and check that it is intact and has enough files of each letter.

    Args:
        archive: what to read; its size, digest, gzip checksums and tar structure are verified.
        set_name: "large" or "small", for messages.
        minimum: fewest files for each letter: there cannot be more readable images than files.

    Raises:
        CurationError: the archive is damaged or not the one that was verified, or a letter has too few files.
    """
    with read_letters(archive, set_name, letters=()) as reading:
        report = reading.report
    check_absent(archive, set_name, report, [letter for letter in LETTERS if not report.members[letter]])
    few = [f"{letter} has {count:,}" for letter, count in report.members.items() if count < minimum]
    if few:
        raise CurationError(
            f"has too few files: {', '.join(few)}; at least {minimum:,} are needed.",
            subject=f"{set_name} archive {archive.origin}",
            remedy="Use a complete archive, or lower the minimum number of images per letter"
            f" (NOTMNIST_MIN_{set_name.upper()}). The stored archive is not replaced.",
        )
