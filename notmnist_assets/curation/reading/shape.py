"""Whether an archive can give the ten letters, judged from its members without decoding one of them."""

from notmnist_assets.curation.core.errors import CurationError
from notmnist_assets.curation.core.images import LETTERS
from notmnist_assets.curation.core.values import Archive
from notmnist_assets.curation.reading.letters import read_letters


def check_shape(archive: Archive, set_name: str, minimum: int) -> None:
    """Read an archive once and check that it is intact and has enough files of each letter.

    Args:
        archive: what to read; size, SHA-256, gzip checksums and tar structure must be right.
        set_name: "large" or "small", for people.
        minimum: fewest files for each letter. Fewer files cannot hold as many readable images.

    Raises:
        CurationError: the archive is damaged or not the one that was verified, or a letter has too few files.
    """
    with read_letters(archive, set_name, letters=()) as reading:
        members = reading.report.members
    absent = [letter for letter in LETTERS if not members[letter]]
    few = [f"{letter} has {members[letter]:,}" for letter in LETTERS if 0 < members[letter] < minimum]
    subject = f"{set_name} archive {archive.origin}"
    if absent:
        raise CurationError(
            f"has no members <root>/<letter>/<file> for the letters {', '.join(absent)}.",
            subject=subject,
            remedy="Use a complete archive. What was stored before stays.",
        )
    if few:
        raise CurationError(
            f"has too few files: {', '.join(few)}; at least {minimum:,} are needed.",
            subject=subject,
            remedy="Use a complete archive, or lower the fewest images per letter"
            f" (NOTMNIST_MIN_{set_name.upper()}). What was stored before stays.",
        )
