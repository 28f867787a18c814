"""From `.tar.gz` to letters: canonical order, and every file counted."""

import gzip
import hashlib
import io
import subprocess
import sys
import tarfile
import threading
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from notmnist_assets.curation.core.errors import CurationError
from notmnist_assets.curation.core.images import LETTERS, Images
from notmnist_assets.curation.core.values import Archive, LetterImages, OtherFiles
from notmnist_assets.curation.reading.archive import verify_gzip
from notmnist_assets.curation.reading.letters import ReadingReport, check_archive, read_letters

File = tuple[str, bytes]


def glyph(seed: int) -> tuple[bytes, Images]:
    pixels = np.random.default_rng(seed).integers(0, 256, (28, 28), np.uint8)
    pixels[:, 14:] = seed % 251
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    return file.getvalue(), pixels


def tar_of(files: Iterable[File], kind: int = tarfile.GNU_FORMAT) -> bytes:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w", format=kind) as tar:
        for name, data in files:
            entry = tarfile.TarInfo(name)
            entry.size = len(data)
            tar.addfile(entry, io.BytesIO(data))
    return file.getvalue()


def archive_of(folder: Path, packed: bytes, name: str = "letters.tar.gz") -> Archive:
    path = folder / name
    path.write_bytes(packed)
    return Archive(str(path), len(packed), hashlib.sha256(packed).hexdigest(), "a test")


def read(
    archive: Archive, letters: str = LETTERS, *, minimum: int = 0, workers: int = 2, scratch: Path | None = None
) -> tuple[dict[str, LetterImages], ReadingReport]:
    with read_letters(archive, "small", letters, minimum=minimum, workers=workers, scratch=scratch) as reading:
        return dict(reading), reading.report


def a_to_j(each: int, root: str = "notMNIST_small") -> list[File]:
    return [(f"{root}/{letter}/{i:03}.png", glyph(i)[0]) for letter in LETTERS for i in range(each)]


def assert_same(one: dict[str, LetterImages], other: dict[str, LetterImages]) -> None:
    assert list(one) == list(other)
    for letter, value in one.items():
        np.testing.assert_array_equal(value.images, other[letter].images)
        assert value.names.tolist() == other[letter].names.tolist()
        pd.testing.assert_frame_equal(value.rejected, other[letter].rejected)


names = st.text(st.sampled_from("abABzZ09+-._=é中ßİ "), min_size=1, max_size=6).filter(lambda n: n not in (".", ".."))


@given(st.lists(names, min_size=1, max_size=12, unique=True), st.sampled_from([tarfile.GNU_FORMAT, tarfile.PAX_FORMAT]))
@settings(max_examples=40)
def test_names_are_in_canonical_order_and_keep_their_images(
    tmp_path_factory: pytest.TempPathFactory, file_names: list[str], kind: int
) -> None:
    glyphs = {name: glyph(i) for i, name in enumerate(file_names)}
    packed = gzip.compress(tar_of([(f"set/B/{name}", glyphs[name][0]) for name in file_names], kind), 1)
    letters, _ = read(archive_of(tmp_path_factory.mktemp("archive"), packed), "B")
    expected = sorted(sorted(file_names), key=str.lower)
    assert letters["B"].names.tolist() == expected
    for name, image in zip(expected, letters["B"].images, strict=True):
        np.testing.assert_array_equal(image, glyphs[name][1])


def test_order_of_members_workers_and_gzip_streams_do_not_change_the_letters(tmp_path: Path) -> None:
    files = [*a_to_j(300), ("notMNIST_small/C/empty.png", b""), ("notMNIST_small/D/text.png", b"no picture")]
    # Larger than several blocks and than the largest member, so that blocks in the middle of a member are skipped.
    files.insert(700, ("notMNIST_small/README", bytes(9 << 20)))
    tar = tar_of(files)
    expected, report = read(archive_of(tmp_path, gzip.compress(tar, 1)))
    assert report.members == {letter: 300 + (letter in "CD") for letter in LETTERS}
    assert report.outside == OtherFiles(1, ("notMNIST_small/README",))
    for i in (0, 299):
        np.testing.assert_array_equal(expected["J"].images[i], glyph(i)[1])
    parts = b"".join(gzip.compress(tar[i : i + 1_000_003], 1) for i in range(0, len(tar), 1_000_003)) + bytes(512)
    assert_same(read(archive_of(tmp_path, parts, "parts.tar.gz"), workers=3)[0], expected)
    files = [files[i] for i in np.random.default_rng(1).permutation(len(files))]
    shuffled = archive_of(tmp_path, gzip.compress(tar_of(files), 1), "shuffled.tar.gz")
    for workers in (1, 2):
        assert_same(read(shuffled, workers=workers)[0], expected)


@pytest.mark.parametrize("kind", [tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
@pytest.mark.parametrize("root", ["notMNIST_large", "./notMNIST_large", "r" * 120, "./wurzel-ü"])
def test_every_tar_format_and_any_root_folder_is_read(tmp_path: Path, kind: int, root: str) -> None:
    names = ["b.png", "A.png", "n" * 90 + ".png"]
    if kind != tarfile.USTAR_FORMAT:
        names.append("l" * 240 + ".png")
    files = [(f"{root}/A/{name}", glyph(i)[0]) for i, name in enumerate(names)]
    letters, report = read(archive_of(tmp_path, gzip.compress(tar_of(files, kind))), "A")
    assert letters["A"].names.tolist() == sorted(names, key=str.lower)
    assert report.outside == OtherFiles()


def test_every_member_is_an_image_or_rejected_with_its_reason(tmp_path: Path) -> None:
    good, pixels = glyph(1)
    small = io.BytesIO()
    Image.new("L", (27, 28)).save(small, "PNG")
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as tar:

        def add(name: str, data: bytes = b"", kind: bytes = tarfile.REGTYPE) -> None:
            entry = tarfile.TarInfo(name)
            entry.type, entry.size, entry.linkname = kind, len(data), "notMNIST/A/good.png" if kind in b"12" else ""
            tar.addfile(entry, io.BytesIO(data))

        add("notMNIST", kind=tarfile.DIRTYPE)
        add("notMNIST/A", kind=tarfile.DIRTYPE)
        add("notMNIST/A/twice.png", b"the first one")
        add("notMNIST/A/empty.png")
        add("notMNIST/A/good.png", good)
        add("notMNIST/A/._good.png", b"\0\5\x16\7\0\2\0\0Mac OS X")
        add("notMNIST/A/cut.png", good[:60])
        add("notMNIST/A/small.png", small.getvalue())
        add("notMNIST/A/wrong.png", good[:-20] + b"\0\0\0\0" + good[-16:])
        add("notMNIST/A/hard.png", kind=tarfile.LNKTYPE)
        add("notMNIST/A/soft.png", kind=tarfile.SYMTYPE)
        add("notMNIST/A/pipe.png", kind=tarfile.FIFOTYPE)
        add("notMNIST/A/huge.png", bytes((1 << 20) + 1))
        add("notMNIST/A/twice.png", good)
        add("notMNIST/B/other.png", good)
        add("._notMNIST", b"x")
        add("notMNIST/A/deeper/x.png", good)
        add("notMNIST/K/x.png", good)
        add("A/x.png", good)
        add("/notMNIST/A/absolute.png", good)
        add("notMNIST/A/../../up.png", good)
        add("notMNIST/../A/up.png", good)
    letters, report = read(archive_of(tmp_path, gzip.compress(file.getvalue())), "A")
    assert letters["A"].names.tolist() == ["good.png", "twice.png"]
    np.testing.assert_array_equal(letters["A"].images, np.stack([pixels, pixels]))
    rejected = letters["A"].rejected
    assert dict(zip(rejected["name"], rejected["reason"], strict=True)) == {
        "cut.png": "truncated in chunk IDAT",
        "empty.png": "empty file",
        "hard.png": "not a regular file: hard link",
        "huge.png": "larger than 1048576 bytes",
        "pipe.png": "not a regular file: tar type '6'",
        "small.png": "wrong shape 27x28",
        "soft.png": "not a regular file: symbolic link",
        "twice.png": "duplicate name: a later member replaced it",
        "wrong.png": "wrong checksum in chunk IDAT",
    }
    assert rejected["bytes"].tolist() == [60, 0, 0, (1 << 20) + 1, 0, len(small.getvalue()), 0, 13, len(good)]
    assert len(letters["A"]) + len(rejected) == report.members["A"] == 11
    assert report.members["B"] == 1
    unsafe = ("/notMNIST/A/absolute.png", "notMNIST/../A/up.png", "notMNIST/A/../../up.png")
    assert report.unsafe == OtherFiles(3, unsafe)
    others = ("._notMNIST", "notMNIST/A/deeper/x.png", "notMNIST/K/x.png", "A/x.png")
    assert report.outside == letters["A"].outside == OtherFiles(7, tuple(sorted([*unsafe, *others])))
    assert report.ignored == letters["A"].ignored == OtherFiles(1, ("notMNIST/A/._good.png",))


def test_of_two_members_with_one_name_the_last_counts_even_if_unreadable(tmp_path: Path) -> None:
    files = [("n/A/x.png", glyph(1)[0]), ("n/A/y.png", glyph(2)[0]), ("n/A/x.png", b"")]
    letters, _ = read(archive_of(tmp_path, gzip.compress(tar_of(files))), "A")
    assert letters["A"].names.tolist() == ["y.png"]
    np.testing.assert_array_equal(letters["A"].images[0], glyph(2)[1])
    assert letters["A"].rejected["reason"].tolist() == ["duplicate name: a later member replaced it", "empty file"]


def test_a_name_that_is_not_utf8_becomes_storable_text(tmp_path: Path) -> None:
    files = [("n/A/\udcff.png", glyph(1)[0])]
    letters, _ = read(archive_of(tmp_path, gzip.compress(tar_of(files))), "A")
    assert letters["A"].names.tolist() == ["\\xff.png"]


def test_all_letters_that_lack_images_are_named_at_once(tmp_path: Path) -> None:
    files = [file for file in a_to_j(3) if "/C/" not in file[0] and "/E/" not in file[0]]
    files = [(name, b"" if "/D/00" in name else data) for name, data in files] + [("n/G", b"")]
    files = [(name, b"no picture" if "/D/000" in name else data) for name, data in files]
    archive = archive_of(tmp_path, gzip.compress(tar_of(files)))
    with pytest.raises(CurationError, match=r"letters C, E; it has 1 other file: n/G\.") as caught:
        read(archive, minimum=1)
    assert archive.origin in caught.value.subject
    assert "lower" not in caught.value.remedy, "no minimum lets an absent letter pass"
    with pytest.raises(CurationError, match="too few readable images: A has 3, D has 0 ") as caught:
        read(archive, "AD", minimum=4)
    assert "D has 0 (3 rejected; 2 of them: empty file); at least 4 are needed." in str(caught.value)
    with pytest.raises(CurationError, match=r"lower .*NOTMNIST_MIN_"):
        read(archive, "A", minimum=4)
    assert len(read(archive, "DA")[0]["D"]) == 0


def test_two_root_folders_with_letters_are_refused(tmp_path: Path) -> None:
    packed = gzip.compress(tar_of([("one/A/x.png", b""), ("two/A/x.png", b"")]))
    with pytest.raises(CurationError, match=r"'one' and that of 'two/A/x\.png'"):
        read(archive_of(tmp_path, packed))


TAR = tar_of(a_to_j(2))
PACKED = gzip.compress(TAR, 6, mtime=0)


def test_a_truncated_scratch_file_is_an_error(tmp_path: Path) -> None:
    with read_letters(archive_of(tmp_path, PACKED), "small", scratch=tmp_path) as reading:
        (spool,) = tmp_path.glob("*/*/A.raw")
        with spool.open("rb+") as file:
            file.truncate(spool.stat().st_size - 1)
        with pytest.raises(ValueError, match="greater than file size"):
            next(iter(reading))


def test_scratch_files_and_threads_are_gone_after_success_error_and_early_exit(tmp_path: Path) -> None:
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    before = threading.active_count()
    read(archive_of(tmp_path, PACKED), scratch=scratch)
    with pytest.raises(CurationError):
        read(archive_of(tmp_path, PACKED[:-9], "bad.tar.gz"), scratch=scratch)
    with read_letters(archive_of(tmp_path, PACKED), "small", scratch=scratch) as reading:
        letter, images = next(iter(reading))
        assert (letter, len(images)) == ("A", 2)
        assert list(scratch.iterdir())
    assert not list(scratch.iterdir())
    assert threading.active_count() == before


def test_nothing_is_compiled_to_read_letters(tmp_path: Path) -> None:
    archive = archive_of(tmp_path, PACKED)
    program = (
        "import sys\n"
        "from notmnist_assets.curation.reading.letters import read_letters\n"
        "from notmnist_assets.curation.core.values import Archive\n"
        f"with read_letters({archive!r}, 'small') as reading:\n"
        "    print(len(dict(reading)), 'numba' in sys.modules)\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["10", "False"]


def test_unknown_letters_and_no_workers_are_programming_errors(tmp_path: Path) -> None:
    archive = archive_of(tmp_path, PACKED)
    with pytest.raises(ValueError, match="K"):
        read(archive, "AK")
    with pytest.raises(ValueError, match="0 workers"):
        read(archive, workers=0)


def test_gzip_files_are_verified_alone(tmp_path: Path) -> None:
    good, bad = tmp_path / "good.gz", tmp_path / "bad.gz"
    good.write_bytes(PACKED)
    bad.write_bytes(PACKED[:-3])
    verify_gzip(good)
    with pytest.raises(CurationError, match="cut short"):
        verify_gzip(bad)


@given(
    st.lists(st.tuples(st.sampled_from("abcd"), st.booleans()), min_size=1, max_size=12),
    st.integers(1, 4),
    st.sampled_from([512, 2048, 1 << 20]),
)
@settings(max_examples=40)
def test_an_archive_is_checked_as_its_letters_are_read(
    tmp_path_factory: pytest.TempPathFactory, of_c: list[tuple[str, bool]], minimum: int, block: int
) -> None:
    others = [(name, data) for name, data in a_to_j(minimum) if "/C/" not in name]
    repeated = [(f"notMNIST_small/C/{name}.png", glyph(1)[0] if good else b"") for name, good in of_c]
    archive = archive_of(tmp_path_factory.mktemp("checked"), gzip.compress(tar_of(repeated + others), 1))
    outcomes = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("notmnist_assets.curation.reading.archive.BLOCK", block)
        for check in (lambda: check_archive(archive, "small", minimum), lambda: read(archive, minimum=minimum)):
            try:
                check()
                outcomes.append("")
            except CurationError as error:
                outcomes.append(str(error))
    assert outcomes[0] == outcomes[1]
