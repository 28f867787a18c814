"""Files that are no gzip-compressed tar archive are recognized, and the suggested command repairs them."""

import bz2
import gzip
import io
import lzma
import shutil
import subprocess
import zipfile
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pytest
from PIL import Image

from notmnist_assets.curation.core.errors import CurationError
from notmnist_assets.curation.core.values import Archive
from notmnist_assets.curation.reading.formats import image_format, is_web_page
from notmnist_assets.sources.folder import FolderSource
from notmnist_assets_tests.curation.reading.test_letters import TAR, a_to_j, archive_of, read, tar_of

NAME = "notMNIST_small.tar.gz"


def zip_of(folder: Path) -> bytes:
    path = folder / "letters.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in a_to_j(2):
            archive.writestr(name, data)
    data = path.read_bytes()
    path.unlink()
    return data


def seven_zip_of(folder: Path) -> bytes:
    for name, data in a_to_j(2):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    subprocess.run(["7z", "a", "letters.7z", "notMNIST_small"], cwd=folder, check=True, capture_output=True)
    return (folder / "letters.7z").read_bytes()


WRONG: dict[str, tuple[Callable[[Path], bytes], str]] = {
    "xz": (lambda _: lzma.compress(TAR), "an xz-compressed file"),
    "bzip2": (lambda _: bz2.compress(TAR), "a bzip2-compressed file"),
    "gzip": (lambda _: TAR, "an uncompressed tar archive"),
    "zstd": (lambda _: pa.compress(TAR, codec="zstd", asbytes=True), "a Zstandard-compressed file"),
    "unzip": (zip_of, "a zip archive"),
    "7z": (seven_zip_of, "a 7z archive"),
    "twice": (lambda _: gzip.compress(gzip.compress(TAR)), "a gzip file"),
}


@pytest.mark.parametrize("kind", WRONG)
def test_the_command_in_the_error_repairs_an_archive_in_another_format(tmp_path: Path, kind: str) -> None:
    if kind != "twice" and shutil.which(kind) is None:
        pytest.skip(f"{kind} is not installed")
    pack, found = WRONG[kind]
    folder = tmp_path / "of 'mine'"
    folder.mkdir()
    archive = archive_of(folder, pack(tmp_path), NAME)
    given = Archive(archive.uri, archive.bytes, archive.sha256, archive.uri)
    with pytest.raises(CurationError, match=found) as caught:
        read(given)
    assert caught.value.subject == given.origin
    assert "(first bytes: " in caught.value.problem
    subprocess.run(["sh", "-c", caught.value.remedy.removeprefix("Repack it: ")], check=True, cwd=tmp_path)
    repaired = Path(given.uri).read_bytes()
    assert read(archive_of(tmp_path, repaired))[1].members == dict.fromkeys("ABCDEFGHIJ", 2)


@pytest.mark.parametrize("name", ["notMNIST_small.tgz", "notMNIST_small.tar"])
def test_an_archive_with_another_ending_is_named_with_the_command_that_makes_the_expected_one(
    tmp_path: Path, name: str
) -> None:
    (tmp_path / name).write_bytes(gzip.compress(TAR) if name.endswith("gz") else TAR)
    source = FolderSource(str(tmp_path), published=False)
    with pytest.raises(CurationError, match=name) as caught:
        source.fetch("small")
    assert caught.value.subject == str(tmp_path / NAME)
    subprocess.run(["sh", "-c", caught.value.remedy.removeprefix("Make it: ")], check=True, cwd=tmp_path)
    assert read(source.fetch("small"))[1].members["A"] == 2


def test_files_that_are_no_archive_at_all_are_described(tmp_path: Path) -> None:
    for data, found in (
        (b"<!DOCTYPE html><p>moved", "a web page"),
        (b"\xff\xd8\xff\xe0 JFIF", "a JPEG image"),
        (b"hello", r"an unknown format \(first bytes: 68 65 6c 6c 6f\)"),
    ):
        with pytest.raises(CurationError, match=found) as caught:
            read(archive_of(tmp_path, data))
        assert "tar -czf" in caught.value.remedy
        with pytest.raises(CurationError, match=f"no tar archive.*{found[:8]}"):
            read(archive_of(tmp_path, gzip.compress(data + bytes(2000))))


def test_images_and_web_pages_are_recognized_by_their_first_bytes() -> None:
    assert image_format(b"RIFF\0\0\0\0WEBPVP8 ") == "a WebP image"
    assert image_format(b"no picture") is None
    assert is_web_page(b"\xef\xbb\xbf\n <HTML>")
    assert not is_web_page(b"1e82  notMNIST_large.tar.gz")


def encoded(image: Image.Image, form: str) -> bytes:
    file = io.BytesIO()
    image.save(file, form)
    return file.getvalue()


UNFIT = {
    "wrong shape": encoded(Image.new("L", (32, 32), 200), "PNG"),
    "has transparent pixels": encoded(Image.new("LA", (28, 28), (200, 90)), "PNG"),
    "not a PNG: a JPEG image": encoded(Image.new("L", (28, 28), 200), "JPEG"),
}


@pytest.mark.skipif(shutil.which("mogrify") is None, reason="ImageMagick is not installed")
@pytest.mark.parametrize("reason", UNFIT)
def test_the_command_in_the_error_converts_images_in_another_form(tmp_path: Path, reason: str) -> None:
    files = [(name, UNFIT[reason]) for name, _ in a_to_j(2)]
    archive = archive_of(tmp_path, gzip.compress(tar_of(files)), NAME)
    given = Archive(archive.uri, archive.bytes, archive.sha256, archive.uri)
    with pytest.raises(CurationError, match=f"2 of them: {reason}") as caught:
        read(given, minimum=1)
    command = caught.value.remedy.partition("ImageMagick: ")[2].partition(" Or lower")[0]
    subprocess.run(["sh", "-c", command], check=True, cwd=tmp_path)
    letters, _ = read(archive_of(tmp_path, Path(given.uri).read_bytes()), minimum=2)
    assert all(len(letter) == 2 and letter.rejected.empty for letter in letters.values())
