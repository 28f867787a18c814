"""An archive that cannot give the letters never takes the place of one that did."""

import gzip
import hashlib
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from notmnist_assets_tests.archives import members, tiny_members, write_archive, write_checksums
from notmnist_assets_tests.workspace import Workspace


def without_a_letter(path: Path) -> None:
    small = tiny_members()["small"]
    del small["G"]
    write_archive(path.parent, "small", small)


def with_few_files(path: Path) -> None:
    write_archive(path.parent, "small", members(1, seed=4))


def with_unreadable_files(path: Path) -> None:
    letters = members(20, seed=5)
    letters["C"] = dict.fromkeys(letters["C"], b"this is not a picture")
    write_archive(path.parent, "small", letters)


def cut_short(path: Path) -> None:
    data = path.read_bytes()
    path.write_bytes(data[: len(data) * 99 // 100])


def with_a_flipped_bit(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


def a_web_page(path: Path) -> None:
    path.write_bytes(b"<html>not found</html>")


def no_tar(path: Path) -> None:
    path.write_bytes(gzip.compress(b"a letter of another kind" * 100))


CASES: list[tuple[Callable[[Path], None], str]] = [
    (without_a_letter, "has no files <root>/<letter>/<file> for the letters G"),
    (with_few_files, "has too few readable images: .*B has 1, .*; at least 5 are needed.*NOTMNIST_MIN_SMALL"),
    (with_unreadable_files, r"has too few readable images: C has 0 \(20 rejected; 20 of them: not a PNG\)"),
    (cut_short, "is cut short"),
    (with_a_flipped_bit, "."),
    (a_web_page, "is no gzip file"),
    (no_tar, "no tar archive"),
]


@pytest.mark.parametrize(("change", "problem"), CASES, ids=[change.__name__ for change, _ in CASES])
@pytest.mark.parametrize("checksums", [False, True], ids=["nothing known", "SHA256SUMS"])
def test_two_bad_archives_leave_the_last_good_one_and_its_letters(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch, change: Callable[[Path], None], problem: str, checksums: bool
) -> None:
    monkeypatch.setenv("NOTMNIST_MIN_SMALL", "5")
    path = workspace.archives / "notMNIST_small.tar.gz"
    good, before = path.read_bytes(), workspace.bytes_stored()
    for number in range(2):
        path.write_bytes(good)
        change(path)
        path.write_bytes(path.read_bytes() + bytes(number))  # another archive each time
        if checksums:
            write_checksums(workspace.archives)
        ended = workspace.notmnist("run", "archives/small", "letters/small/B")
        assert ended.code == 1
        assert re.search(problem, ended.err)
        assert workspace.bytes_stored() == before


def test_the_sha256_of_an_archive_is_computed_once_per_run(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_archive(workspace.archives, "small", members(20, seed=9))
    size = (workspace.archives / "notMNIST_small.tar.gz").stat().st_size
    digests: list[CountingDigest] = []

    def count_bytes(data: bytes = b"") -> CountingDigest:
        digests.append(CountingDigest(data))
        return digests[-1]

    monkeypatch.setattr("notmnist_assets.curation.core.digests._COARSEST_CLOCK", -10.0)
    monkeypatch.setattr(hashlib, "sha256", count_bytes)
    assert workspace.notmnist("run", "archives/small", "letters/small").code == 0
    assert sum(digest.size == size for digest in digests) == 1


class CountingDigest:
    """A SHA-256 that knows how many bytes it has digested."""

    _sha256 = hashlib.sha256

    def __init__(self, data: bytes) -> None:
        self._digest = type(self)._sha256(data)
        self.size = len(data)

    def update(self, data: bytes) -> None:
        self._digest.update(data)
        self.size += memoryview(data).nbytes

    def digest(self) -> bytes:
        return self._digest.digest()

    def hexdigest(self) -> str:
        return self._digest.hexdigest()
