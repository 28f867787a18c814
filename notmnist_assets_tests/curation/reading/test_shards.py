"""Archives that consist of several files: the same letters as from one file, and errors in one sentence."""

import gzip
import pickle
import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from notmnist_assets.curation.core.errors import CurationError
from notmnist_assets.curation.core.fingerprint import fingerprint
from notmnist_assets.curation.core.values import Archive
from notmnist_assets.curation.reading.letters import check_archive
from notmnist_assets_tests.curation.reading.test_letters import File, a_to_j, archive_of, read, tar_of

ROOT = "notMNIST_small"
FILES: list[File] = [
    *a_to_j(3),
    (f"{ROOT}/A/B.png", b""),
    (f"{ROOT}/A/b.png", a_to_j(1)[0][1]),
    (f"{ROOT}/J/not.png", b"text"),
    (f"{ROOT}/K/x.png", b""),
    (f"{ROOT}/.DS_Store", b""),
    ("../x", b""),
]


def sharded(folder: Path, parts: list[list[File]]) -> Archive:
    shards = []
    for number, part in enumerate(parts):
        packed = archive_of(folder, gzip.compress(tar_of(part), 1), f"shard-{number}.tar.gz")
        shards.append(Archive(packed.uri, packed.bytes, packed.sha256, packed.uri))
    return Archive.of_shards(shards, "shard-*.tar.gz", "shard-*.tar.gz")


@pytest.mark.parametrize("levels", [0, 1, 2])
@given(st.data())
@settings(max_examples=8, deadline=None)
def test_letters_do_not_depend_on_the_shards(
    tmp_path_factory: pytest.TempPathFactory, levels: int, data: st.DataObject
) -> None:
    prefix = {0: "", 1: f"{ROOT}/", 2: f"more/{ROOT}/"}[levels]
    files = [(name.replace(f"{ROOT}/", prefix), content) for name, content in FILES]
    count = data.draw(st.integers(1, 5))
    places = data.draw(st.lists(st.integers(0, count - 1), min_size=len(files), max_size=len(files)))
    parts: list[list[File]] = [[] for _ in range(count)]
    for place, file in zip(places, files, strict=True):
        parts[place].append(file)
    folder = tmp_path_factory.mktemp("shards")
    whole, report = read(archive_of(folder, gzip.compress(tar_of(files), 1)))
    found, of_shards = read(sharded(folder, parts), workers=data.draw(st.integers(1, 3)))
    assert of_shards == report
    for letter, images in whole.items():
        assert fingerprint(found[letter]) == fingerprint(images)
        assert (found[letter].outside, found[letter].ignored) == (images.outside, images.ignored)


def refuse(archive: Archive, problem: str) -> None:
    with pytest.raises(CurationError, match=problem):
        read(archive)
    with pytest.raises(CurationError, match=problem):
        check_archive(archive, "small", 1)


def test_a_file_in_two_shards_is_an_error(tmp_path: Path) -> None:
    archive = sharded(tmp_path, [FILES, FILES[4:5]])
    first, second = (re.escape(shard.origin) for shard in archive.shards)
    refuse(archive, f"has the file B/001.png in two shards, {first} and {second}")


def test_a_damaged_shard_is_named(tmp_path: Path) -> None:
    archive = sharded(tmp_path, [FILES, []])
    shard = archive.shards[0]
    packed = Path(shard.uri).read_bytes()
    Path(shard.uri).write_bytes(packed[:-100])
    refuse(archive, f"^{re.escape(shard.origin)}: is cut short: its gzip stream has no end")


def test_letters_below_two_folders_are_an_error(tmp_path: Path) -> None:
    archive = sharded(tmp_path, [FILES, [("other/A/x.png", b"")]])
    refuse(archive, f"has letters in two folders: '{ROOT}' and that of 'other/A'")


def test_a_letter_that_no_shard_has_is_named_with_a_shard_as_example(tmp_path: Path) -> None:
    refuse(sharded(tmp_path, [a_to_j(1)[:9], []]), "for the letters J.*In each shard, as here in the first: .*shard-0")


def test_errors_can_be_sent_by_other_processes() -> None:
    error = CurationError("is damaged.", subject="x", remedy="Replace it.")
    copy = pickle.loads(pickle.dumps(error))  # noqa: S301 - written by this test
    assert (str(copy), copy.problem, copy.subject, copy.remedy) == (str(error), "is damaged.", "x", "Replace it.")
