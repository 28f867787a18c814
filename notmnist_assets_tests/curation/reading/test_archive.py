"""Damaged, truncated, changed and mutated archives are refused."""

import gzip
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from notmnist_assets.curation.core.errors import CurationError
from notmnist_assets.curation.core.values import Archive
from notmnist_assets_tests.curation.reading.test_letters import PACKED, TAR, archive_of, read


@pytest.mark.parametrize(
    ("packed", "problem"),
    [
        (b"", "cut short"),
        (PACKED[:-1], "cut short"),
        (PACKED[: len(PACKED) // 2], "cut short"),
        (b"<html>not found</html>", "is no gzip file"),
        (PACKED[:-8] + bytes(8), "damaged gzip stream"),
        (PACKED[:1000] + bytes(50) + PACKED[1050:], "damaged gzip stream"),
        (PACKED + b"garbage", "other bytes after the end of its gzip stream"),
        (PACKED + bytes(300_000) + b"garbage", "other bytes after the end of its gzip stream"),
        (PACKED + PACKED[:40], "cut short: its gzip stream"),
        (gzip.compress(b"no tar " * 1000, mtime=0), "is no tar archive"),
        (gzip.compress(b"", mtime=0), "cut short: no end mark"),
        (gzip.compress(TAR[:1536], mtime=0), "cut short: no end mark"),
        (gzip.compress(TAR[:700], mtime=0), "cut short: no end mark"),
        (gzip.compress(TAR[: TAR.rindex(b"notMNIST_small/J") + 600], mtime=0), "cut short: no end mark"),
        (gzip.compress(TAR + TAR, mtime=0), "more bytes after its end mark"),
        (gzip.compress(TAR.replace(b"notMNIST_small/B", b"notMNIST-small/B"), mtime=0), "damaged tar header"),
    ],
)
def test_a_damaged_or_truncated_archive_is_refused_before_any_letter_is_yielded(
    tmp_path: Path, packed: bytes, problem: str
) -> None:
    with pytest.raises(CurationError, match=problem):
        read(archive_of(tmp_path, packed))


def test_an_archive_that_changed_since_it_was_verified_is_refused(tmp_path: Path) -> None:
    archive = archive_of(tmp_path, PACKED)
    other = Archive(archive.uri, archive.bytes, "0" * 64, archive.origin)
    with pytest.raises(CurationError, match="changed after it was verified"):
        read(other)
    with pytest.raises(CurationError, match="cannot be read"):
        read(Archive(str(tmp_path / "missing.tar.gz"), 1, "0" * 64, "a test"))


@given(
    st.lists(st.tuples(st.integers(0, len(TAR) - 1), st.integers(0, 255)), min_size=1, max_size=5),
    st.integers(0, 20000),
)
@settings(max_examples=60)
def test_a_mutated_tar_is_read_or_refused_but_never_breaks(
    tmp_path_factory: pytest.TempPathFactory, changes: list[tuple[int, int]], cut: int
) -> None:
    mutated = bytearray(TAR)
    for at, value in changes:
        mutated[at] = value
    archive = archive_of(tmp_path_factory.mktemp("archive"), gzip.compress(mutated[: len(TAR) - cut], 1))
    try:
        letters, report = read(archive)
    except CurationError:
        return
    for name, images in letters.items():
        assert len(images) + len(images.rejected) == report.members[name]
