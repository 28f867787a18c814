"""Archives in a folder: missing, wrong, damaged, and right."""

import gzip
import hashlib
from pathlib import Path

import pytest

from notmnist_assets.curation.core import published
from notmnist_assets.curation.core.errors import CurationError
from notmnist_assets.sources.base import Expected, verify_archive
from notmnist_assets.sources.checksums import Checksums
from notmnist_assets.sources.folder import FolderSource
from notmnist_assets_tests.archives import members, write_archive, write_checksums


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_archive(tmp_path, "small", members(3, seed=0))
    return tmp_path


def fetch(folder: Path, *, full: bool = False) -> object:
    return FolderSource(str(folder), published=full).fetch("small")


def test_an_archive_is_used_where_it_lies(folder: Path) -> None:
    archive = FolderSource(str(folder), published=False).fetch("small")
    data = (folder / "notMNIST_small.tar.gz").read_bytes()
    assert archive.uri == archive.origin == str(folder / "notMNIST_small.tar.gz")
    assert archive.bytes == len(data)
    assert archive.sha256 == hashlib.sha256(data).hexdigest()


def test_a_missing_archive_is_named_with_the_existing_files(folder: Path) -> None:
    with pytest.raises(CurationError, match="no such file") as caught:
        FolderSource(str(folder), published=False).fetch("large")
    assert caught.value.subject == str(folder / "notMNIST_large.tar.gz")
    assert caught.value.problem == "there is no such file; its folder has notMNIST_small.tar.gz."
    assert caught.value.remedy == (
        "Put notMNIST_large.tar.gz there, or set NOTMNIST_ARCHIVES to the folder that contains both archives."
    )


def test_an_empty_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(CurationError, match="its folder has no files"):
        fetch(tmp_path)


def test_of_many_archives_the_first_are_named(tmp_path: Path) -> None:
    for number in range(7):
        (tmp_path / f"{number}.tar.gz").touch()
    with pytest.raises(CurationError, match=r"folder has 0\.tar\.gz, .*4\.tar\.gz, \.\.\.\. Put"):
        fetch(tmp_path)


def test_a_folder_that_does_not_exist_is_named_with_the_setting(folder: Path) -> None:
    missing = folder / "elsewhere"
    with pytest.raises(CurationError, match="no such folder") as caught:
        fetch(missing)
    assert caught.value.subject == str(missing)
    assert caught.value.remedy == "Set NOTMNIST_ARCHIVES to the folder that contains both archives."
    with pytest.raises(CurationError, match="it is a file"):
        fetch(folder / "notMNIST_small.tar.gz")


def test_a_digest_other_than_in_sha256sums_is_refused(folder: Path) -> None:
    write_checksums(folder, ["small"])
    fetch(folder)
    claimed = hashlib.sha256((folder / "notMNIST_small.tar.gz").read_bytes()).hexdigest()
    write_archive(folder, "small", members(3, seed=1))
    with pytest.raises(CurationError, match="SHA256SUMS") as caught:
        fetch(folder)
    assert claimed in caught.value.problem


def test_the_originals_are_known_by_size_and_digest(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(CurationError, match="8458043 are published"):
        fetch(folder, full=True)
    size = (folder / "notMNIST_small.tar.gz").stat().st_size
    monkeypatch.setitem(published.ARCHIVES, "small", published.ARCHIVES["small"]._replace(bytes=size))
    with pytest.raises(CurationError, match=published.ARCHIVES["small"].sha256):
        fetch(folder, full=True)


@pytest.mark.parametrize(
    "line",
    [
        "{digest}  notMNIST_small.tar.gz",
        "{digest} *notMNIST_small.tar.gz",
        "{digest}  ./notMNIST_small.tar.gz\r",
        "# comment\n{upper}  notMNIST_small.tar.gz",
        "{other}  notMNIST_large.tar.gz\n{digest}  notMNIST_small.tar.gz",
        "\N{BYTE ORDER MARK}{digest}  notMNIST_small.tar.gz",
        "SHA256 (notMNIST_small.tar.gz) = {digest}",
        "{digest}\tnotMNIST_small.tar.gz",
        "{digest}  /srv/archives/notMNIST_small.tar.gz",
        "\\{digest}  data\\notMNIST_small.tar.gz",
        "{digest}  notMNIST_small.tar.gz\n{upper} *notMNIST_small.tar.gz",
    ],
)
def test_checksum_files_are_read_as_sha256sum_writes_them(line: str) -> None:
    digest = "ab" * 32
    text = line.format(digest=digest, upper=digest.upper(), other="0" * 64)
    assert Checksums(text.encode(), "there").of("notMNIST_small.tar.gz") == Expected(None, digest, "written in there")


@pytest.mark.parametrize("text", ["", "# nothing yet\n", f"{'0' * 64}  notMNIST_small.tar.gz.old"])
def test_checksum_files_of_other_files_have_no_digest(text: str) -> None:
    assert Checksums(text.encode(), "there").of("notMNIST_small.tar.gz").sha256 is None


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        (b"garbage", "has no checksum"),
        (b"<!doctype html>\n<title>Not found</title>", "is a web page, not a file of checksums"),
        (f"{'0' * 64}  notMNIST_small.tar.gz".encode("utf-16"), "has no checksum"),
        (b"0" * 63 + b"  notMNIST_small.tar.gz", "names notMNIST_small.tar.gz in a line that is no checksum"),
        (b"MD5 (notMNIST_small.tar.gz) = " + b"0" * 32, "names notMNIST_small.tar.gz in a line that is no checksum"),
        (b"".join(digit * 64 + b"  notMNIST_small.tar.gz\n" for digit in (b"0", b"1")), "has different checksums"),
    ],
)
def test_an_unclear_checksum_file_is_an_error(data: bytes, problem: str) -> None:
    with pytest.raises(CurationError, match=f"^there: {problem}"):
        Checksums(data, "there").of("notMNIST_small.tar.gz")


def test_unreadable_files_are_named(tmp_path: Path) -> None:
    with pytest.raises(CurationError, match="cannot be read: Is a directory"):
        verify_archive(tmp_path, Expected(None, None, ""), "a folder")


def test_a_gzip_of_several_streams_is_complete(folder: Path) -> None:
    path = folder / "notMNIST_small.tar.gz"
    data = gzip.decompress(path.read_bytes())
    path.write_bytes(gzip.compress(data[:5000]) + gzip.compress(data[5000:]))
    verify_archive(path, Expected(None, None, ""), "a folder")


def test_the_validator_changes_with_the_file(folder: Path) -> None:
    source = FolderSource(str(folder), published=False)
    before = source.validator("small")
    assert source.validator("small") == before
    path = folder / "notMNIST_small.tar.gz"
    path.write_bytes(path.read_bytes() + b"\0")
    assert source.validator("small") != before
    changed = source.validator("small")
    (folder / "SHA256SUMS").write_text("")
    assert source.validator("small") != changed
    path.unlink()
    with pytest.raises(CurationError, match="no such file"):
        source.validator("small")


def shards(folder: Path, *names: str) -> list[Path]:
    for number, name in enumerate(names):
        path = write_archive(folder / "packed", "small", members(3, seed=number))
        path.replace(folder / name)
    return [folder / name for name in names]


@pytest.mark.parametrize(
    "names",
    [
        ["notMNIST_small-00000-of-00002.tar.gz", "notMNIST_small-00001-of-00002.tar.gz"],
        ["notMNIST_small-east.tar.gz", "notMNIST_small-west.tar.gz"],
    ],
)
def test_without_the_archive_its_shards_are_used_in_the_order_of_their_names(tmp_path: Path, names: list[str]) -> None:
    paths = shards(tmp_path, *names)
    (tmp_path / "notMNIST_large-0-of-9.tar.gz").touch()
    source = FolderSource(str(tmp_path), published=False)
    archive = source.fetch("small")
    assert [shard.uri for shard in archive.shards] == [str(path) for path in paths]
    assert archive.bytes == sum(path.stat().st_size for path in paths)
    assert archive.origin == str(tmp_path / "notMNIST_small-*.tar.gz")
    assert source.current_sha256("small") == archive.sha256
    before = source.validator("small")
    paths[1].write_bytes(paths[0].read_bytes())
    assert source.validator("small") != before
    assert source.current_sha256("small") != archive.sha256


def test_the_whole_archive_comes_before_shards(folder: Path) -> None:
    (folder / "notMNIST_small-backup.tar.gz").touch()
    assert FolderSource(str(folder), published=False).fetch("small").shards == ()


@pytest.mark.parametrize(
    ("names", "problem"),
    [
        (["notMNIST_small-0-of-3.tar.gz", "notMNIST_small-2-of-3.tar.gz"], "has 2 of 3 shards .*; number 1 is missing"),
        (["notMNIST_small-0-of-1.tar.gz", "notMNIST_small-0-of-2.tar.gz"], "shards of different numberings"),
        (["notMNIST_small-0-of-1.tar.gz", "notMNIST_small-more.tar.gz"], "shards of different numberings"),
        (["notMNIST_small-0-of-1.tar.gz", "notMNIST_small-00-of-01.tar.gz"], "shards of different numberings"),
        (["notMNIST_small-0-of-999999999.tar.gz"], "has 1 of 999999999 shards .*; number 1 is missing"),
    ],
)
def test_incomplete_shards_are_an_error(tmp_path: Path, names: list[str], problem: str) -> None:
    shards(tmp_path, *names)
    with pytest.raises(CurationError, match=f"{problem}.* Put exactly the shards of one archive there"):
        fetch(tmp_path)


def test_each_shard_is_compared_with_its_line_of_sha256sums(tmp_path: Path) -> None:
    first, second = shards(tmp_path, "notMNIST_small-0-of-2.tar.gz", "notMNIST_small-1-of-2.tar.gz")
    digest = hashlib.sha256(first.read_bytes()).hexdigest()
    (tmp_path / "SHA256SUMS").write_text(f"{digest}  {first.name}\n{digest}  {second.name}\n")
    with pytest.raises(CurationError, match=f"{second.name}: its SHA-256 is .*, but {digest} is written in"):
        fetch(tmp_path)


def test_a_shard_that_only_sha256sums_names_is_missing(tmp_path: Path) -> None:
    (first,) = shards(tmp_path, "notMNIST_small-east.tar.gz")
    digest = hashlib.sha256(first.read_bytes()).hexdigest()
    (tmp_path / "SHA256SUMS").write_text(f"{digest}  {first.name}\n{digest}  notMNIST_small-west.tar.gz\n")
    with pytest.raises(CurationError, match=r"SUMS: names notMNIST_small-west\.tar\.gz, which is not in its folder"):
        fetch(tmp_path)


def test_checksums_of_thousands_of_shards_are_read_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    names = [f"notMNIST_small-{number:05}-of-02000.tar.gz" for number in range(2000)]
    for name in names:
        (tmp_path / name).touch()
    empty = hashlib.sha256(b"").hexdigest()
    (tmp_path / "SHA256SUMS").write_text("".join(f"{empty}  {name}\n" for name in names))
    reads: list[Path] = []
    read_bytes = Path.read_bytes

    def count(path: Path) -> bytes:
        reads.append(path)
        return read_bytes(path)

    monkeypatch.setattr(Path, "read_bytes", count)
    assert len(FolderSource(str(tmp_path), published=False).fetch("small").shards) == len(names)
    assert reads == [tmp_path / "SHA256SUMS"]
