"""Archives of other layouts are read if they are unambiguous, otherwise explained with a command that repairs them."""

import gzip
import io
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

from notmnist_assets.curation.core.errors import CurationError
from notmnist_assets.curation.core.images import LETTERS
from notmnist_assets.curation.core.values import MOST_EXAMPLES, Archive, OtherFiles
from notmnist_assets.curation.reading.layout import PathSample
from notmnist_assets.curation.reading.letters import check_archive
from notmnist_assets_tests.curation.reading.test_letters import File, a_to_j, archive_of, assert_same, read, tar_of

TWIN = b"\x00\x05\x16\x07\x00\x02\x00\x00Mac OS X"
FILES = a_to_j(2)


def archive(folder: Path, files: list[File]) -> Archive:
    packed = archive_of(folder, gzip.compress(tar_of(files), 1))
    return Archive(packed.uri, packed.bytes, packed.sha256, packed.uri)


def renamed(change: Callable[[str], str]) -> list[File]:
    return [(change(name), data) for name, data in FILES]


def twin(name: str) -> str:
    folder, _, file = name.rpartition("/")
    return f"{folder}/._{file}"


LAYOUTS: dict[str, list[File]] = {
    "no root": renamed(lambda name: name.partition("/")[2]),
    "./ and no root": renamed(lambda name: "./" + name.partition("/")[2]),
    "one more folder": renamed(lambda name: f"download/{name}"),
    "twins": [file for name, data in FILES for file in ((twin(name), TWIN), (name, data))],
    "__MACOSX first": [
        *renamed(lambda name: "__MACOSX/" + twin(name.partition("/")[2])),
        *renamed(lambda name: name.partition("/")[2]),
    ],
    ".DS_Store": [("notMNIST_small/.DS_Store", b"Bud1"), ("notMNIST_small/A/.DS_Store", b"Bud1"), *FILES],
}
IGNORED = {"twins": 20, "__MACOSX first": 20, ".DS_Store": 2}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_unambiguous_layouts_give_the_same_letters(tmp_path: Path, layout: str) -> None:
    expected, _ = read(archive(tmp_path, FILES))
    found = archive(tmp_path, LAYOUTS[layout])
    letters, report = read(found)
    assert_same(letters, expected)
    assert report.outside == OtherFiles()
    assert report.ignored.count == letters["J"].ignored.count == IGNORED.get(layout, 0)
    check_archive(found, "small", 2)


def test_a_standard_layout_is_preferred_in_any_order_of_members(tmp_path: Path) -> None:
    deeper = renamed(lambda name: f"old/{name}") + renamed(lambda name: name.partition("/")[2])
    for files in (deeper + FILES, FILES + deeper):
        letters, report = read(archive(tmp_path, files))
        assert_same(letters, read(archive(tmp_path, FILES))[0])
        assert report.outside.count == 40


def test_an_image_with_the_name_of_an_appledouble_file_is_read(tmp_path: Path) -> None:
    letters, report = read(archive(tmp_path, [*FILES, ("notMNIST_small/A/._x.png", FILES[0][1])]))
    assert letters["A"].names.tolist() == ["._x.png", "000.png", "001.png"]
    assert report.ignored == OtherFiles()


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (lambda name: name.replace("/", "\\"), "backslashes"),
        (lambda name: name.replace("/", "/x/", 1).lower(), "lower-case"),
    ],
)
def test_other_layouts_are_described_with_a_command_that_repairs_them(
    tmp_path: Path, change: Callable[[str], str], problem: str
) -> None:
    bad = archive(tmp_path, renamed(change))
    with pytest.raises(CurationError, match=f"{problem}.*GNU tar") as caught:
        check_archive(bad, "small", 1)
    assert caught.value.subject == f"small archive {bad.origin}"
    assert "it has 20 other files: " in caught.value.problem
    assert change(FILES[0][0]) in caught.value.problem
    tar = shutil.which("tar")
    if tar is None or b"GNU" not in subprocess.run([tar, "--version"], capture_output=True, check=True).stdout:
        pytest.skip("GNU tar is not installed")
    subprocess.run(["sh", "-c", caught.value.remedy.partition("GNU tar: ")[2]], check=True, capture_output=True)
    repaired = Path(bad.uri).read_bytes()
    (tmp_path / "repaired").mkdir()
    assert read(archive_of(tmp_path / "repaired", repaired))[1].members == dict.fromkeys(LETTERS, 2)


def test_files_outside_the_letters_are_counted_with_the_first_paths(tmp_path: Path) -> None:
    others = [(f"notMNIST_small/{letter}/{i:02}.png", b"") for letter in "ZK" for i in range(15)]
    letters, report = read(archive(tmp_path, [*others, *FILES]))
    assert report.outside == letters["C"].outside
    assert report.outside == OtherFiles(30, tuple(sorted(name for name, _ in others)[:MOST_EXAMPLES]))


def test_the_first_paths_of_very_many_are_kept() -> None:
    sample = PathSample()
    for number in reversed(range(5000)):
        sample.add(f"{number:05}")
    assert sample.files() == OtherFiles(5000, tuple(f"{number:05}" for number in range(MOST_EXAMPLES)))


def image(mode: str, side: int, kind: str) -> bytes:
    file = io.BytesIO()
    Image.new(mode, (side, side)).save(file, kind)
    return file.getvalue()


@pytest.mark.parametrize(
    ("data", "reason", "option"),
    [
        (image("L", 28, "JPEG"), "not a PNG: a JPEG image", "-format png"),
        (image("L", 32, "PNG"), "wrong shape 32x32", "-resize '28x28!'"),
        (image("RGBA", 28, "PNG"), "has transparent pixels", "-alpha remove"),
    ],
)
def test_an_archive_of_other_images_is_refused_with_the_command_that_converts_them(
    tmp_path: Path, data: bytes, reason: str, option: str
) -> None:
    bad = archive(tmp_path, [(name, data) for name, _ in FILES])
    with pytest.raises(CurationError, match=f"A has 0 \\(2 rejected; 2 of them: {reason}\\)") as caught:
        read(bad, minimum=1)
    assert option in caught.value.remedy
    assert bad.origin in caught.value.remedy


def test_the_sum_of_all_paths_is_limited(tmp_path: Path) -> None:
    limit = sum(len(name) for name, _ in FILES) / 1_000_000
    check_archive(archive(tmp_path, FILES), "small", 1, most_paths=limit)
    for minimum in (0, 1000):
        with pytest.raises(CurationError, match="characters together") as caught:
            check_archive(archive(tmp_path, [*FILES, ("notMNIST_small/x", b"")]), "small", minimum, most_paths=limit)
        assert "NOTMNIST_MOST_PATHS" in caught.value.remedy
