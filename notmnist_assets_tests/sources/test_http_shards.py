"""Shards on a web server: their list comes from `SHA256SUMS`, and they give the same archive as in a folder."""

import hashlib
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from tenacity import wait_none

from notmnist_assets.curation.core.errors import CurationError
from notmnist_assets.curation.core.images import LETTERS
from notmnist_assets.settings.model import read_settings
from notmnist_assets.sources.exchange import Limits
from notmnist_assets.sources.folder import FolderSource
from notmnist_assets.sources.http import HttpSource
from notmnist_assets.sources.observation import archive_version
from notmnist_assets_tests.archives import members, write_shards
from notmnist_assets_tests.sources import odd
from notmnist_assets_tests.sources.downloads import NAME, archive_bytes, downloads, source
from notmnist_assets_tests.sources.server import Fault, FaultyServer
from notmnist_assets_tests.workspace import Workspace

FIRST, SECOND, THIRD = NAMES = tuple(f"notMNIST_small-0000{number}-of-00003.tar.gz" for number in range(3))
BODIES = {name: archive_bytes(number) for number, name in enumerate(NAMES)}


def sums(files: Mapping[str, bytes]) -> bytes:
    return "".join(f"{hashlib.sha256(body).hexdigest()}  {name}\n" for name, body in files.items()).encode()


@pytest.fixture
def server() -> Iterator[FaultyServer]:
    """A server with three shards and their checksums, without the whole archive."""
    with FaultyServer().running() as server:
        server.files.update({**BODIES, "SHA256SUMS": sums(BODIES)})
        yield server


def test_shards_are_downloaded_in_order_and_make_the_archive_of_a_folder(server: FaultyServer, tmp_path: Path) -> None:
    mirror = source(server, tmp_path)
    archive = mirror.fetch("small")
    assert [Path(shard.uri).read_bytes() for shard in archive.shards] == list(BODIES.values())
    assert [shard.origin for shard in archive.shards] == [f"{server.url}/{name}" for name in NAMES]
    assert archive.origin == f"{server.url}/notMNIST_small-*.tar.gz"
    assert archive.sha256 == FolderSource(str(tmp_path / "downloads"), published=False).fetch("small").sha256
    assert mirror.fetch("small") == archive
    assert [request.status for request in server.of(SECOND)] == [200, 304]
    assert len(server.of("SHA256SUMS")) == 2


def test_the_graph_of_letters_is_that_of_the_same_shards_in_a_folder(
    server: FaultyServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    workspace = Workspace(tmp_path)
    workspace.enter(monkeypatch)
    write_shards(workspace.archives, "small", members(12, seed=3), 3)
    server.files = {path.name: path.read_bytes() for path in workspace.archives.iterdir()}
    server.files["SHA256SUMS"] = sums(server.files)
    keys = ["archives/small", *(f"letters/small/{letter}" for letter in LETTERS)]
    stored = []
    for place, archives in (("folder", str(workspace.archives)), ("url", server.url)):
        monkeypatch.setenv("NOTMNIST_ARCHIVES", archives)
        monkeypatch.setenv("NOTMNIST_STORAGE", str(workspace.storage / place))
        assert workspace.run(keys).success
        files = [path for path in (workspace.storage / place).rglob("*.*") if path.suffix not in {".json", ".part"}]
        kept = [path for path in files if "cache" not in path.parts]
        stored.append({path.relative_to(workspace.storage / place): path.read_bytes() for path in kept})
    assert stored[0] == stored[1]
    assert len(stored[0]) == len(NAMES) + 3 * len(LETTERS)


def test_a_whole_archive_in_the_checksums_comes_before_shards(server: FaultyServer, tmp_path: Path) -> None:
    server.files[NAME] = archive_bytes(9)
    server.files["SHA256SUMS"] = sums({NAME: server.files[NAME], **BODIES})
    assert source(server, tmp_path).fetch("small").shards == ()
    assert server.of(FIRST) == []


@pytest.mark.parametrize("checksums", [None, b"", sums({"notMNIST_large-east.tar.gz": b""}), odd.PAGE])
def test_without_checksums_of_shards_the_whole_archive_is_downloaded(
    server: FaultyServer, tmp_path: Path, checksums: bytes | None
) -> None:
    del server.files["SHA256SUMS"]
    if checksums is not None:
        server.files["SHA256SUMS"] = checksums
    with pytest.raises(CurationError, match=r"notMNIST_small\.tar\.gz: the server answered 404"):
        source(server, tmp_path).fetch("small")
    server.files[NAME] = archive_bytes(9)
    assert source(server, tmp_path).fetch("small").shards == ()


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (lambda files: files.pop(SECOND), "has 2 of 3 shards notMNIST_small-.*; number 1 is missing"),
        (lambda files: files.update({"notMNIST_small-0-of-9.tar.gz": b""}), "has shards of different numberings"),
        (lambda files: files.update({"notMNIST_small-a b.tar.gz": b""}), "has shards of different numberings"),
        (
            lambda files: (files.clear(), files.update({"notMNIST_small-a?b.tar.gz": b""})),
            r"names a shard with characters other than .*: notMNIST_small-a\?b\.tar\.gz",
        ),
        (
            lambda files: (files.clear(), files.update({f"notMNIST_small-{'a' * 300}.tar.gz": b""})),
            "names a shard .* with more than 200: notMNIST_small-a",
        ),
        (
            lambda files: (files.clear(), files.update({"notMNIST_small-0-of-999999999.tar.gz": b""})),
            "has 1 of 999999999 shards .*; number 1 is missing",
        ),
    ],
)
def test_checksums_without_all_shards_are_an_error_before_any_download(
    server: FaultyServer, tmp_path: Path, change: object, problem: str
) -> None:
    files = dict(BODIES)
    change(files)  # type: ignore[operator]
    server.files["SHA256SUMS"] = sums(files)
    mirror = source(server, tmp_path)
    for method in (mirror.fetch, mirror.validator, mirror.current_sha256):
        with pytest.raises(CurationError, match=f"^{server.url}/SHA256SUMS: {problem}"):
            method("small")
    assert {request.path.rpartition("/")[2] for request in server.requests} == {"SHA256SUMS"}


def test_a_broken_line_about_a_shard_is_an_error(server: FaultyServer, tmp_path: Path) -> None:
    line = f"{'0' * 63}  notMNIST_small-west.tar.gz"
    server.files["SHA256SUMS"] = sums({"notMNIST_small-east.tar.gz": b""}) + line.encode()
    with pytest.raises(CurationError, match=f"names notMNIST_small- in a line that is no checksum: {line}"):
        source(server, tmp_path).fetch("small")


def test_a_shard_that_the_server_does_not_have_is_named(server: FaultyServer, tmp_path: Path) -> None:
    del server.files[SECOND]
    with pytest.raises(CurationError, match=f"{SECOND}: the server answered 404"):
        source(server, tmp_path).fetch("small")
    server.files[SECOND] = BODIES[SECOND]
    assert len(source(server, tmp_path).fetch("small").shards) == len(NAMES)
    assert [request.status for request in server.of(FIRST)] == [200, 304]


def test_a_shard_with_another_digest_is_refused_and_deleted(server: FaultyServer, tmp_path: Path) -> None:
    server.files[SECOND] = archive_bytes(8)
    with pytest.raises(CurationError, match=f"{SECOND}: its SHA-256 is .*, but .* is written in {server.url}"):
        source(server, tmp_path).fetch("small")
    assert downloads(tmp_path) == {FIRST, f"{FIRST}.json"}


def test_a_shard_that_changes_before_its_download_is_refused_and_the_next_run_has_all_new_ones(
    server: FaultyServer, tmp_path: Path
) -> None:
    new = {**BODIES, THIRD: archive_bytes(8)}
    server.after_each = lambda: server.files.update({**new, "SHA256SUMS": sums(new)})
    with pytest.raises(CurationError, match=f"{THIRD}: its SHA-256 is"):
        source(server, tmp_path).fetch("small")
    archive = source(server, tmp_path).fetch("small")
    assert [Path(shard.uri).read_bytes() for shard in archive.shards] == list(new.values())


def test_a_connection_that_breaks_in_the_second_shard_is_resumed_there(server: FaultyServer, tmp_path: Path) -> None:
    server.faults.extend([Fault(), Fault(cut_after=200_000), *[Fault(status=503)] * 6])
    with pytest.raises(CurationError, match=f"{SECOND}: the transfer failed 6 times"):
        source(server, tmp_path).fetch("small")
    archive = source(server, tmp_path).fetch("small")
    assert [Path(shard.uri).read_bytes() for shard in archive.shards] == list(BODIES.values())
    assert server.of(SECOND)[-1].headers["Range"] == "bytes=200000-"
    sent = sum(request.sent for request in server.requests if request.path.endswith(".gz"))
    assert sent == sum(map(len, BODIES.values()))


def test_a_shard_is_limited_in_size_and_rate_as_an_archive_is(server: FaultyServer, tmp_path: Path) -> None:
    limits = Limits(read=2, window=0.5, archive=1_000_000, attempts=2)
    mirror = HttpSource(server.url, tmp_path, published=False, min_rate=10, wait=wait_none(), limits=limits)
    server.odd[SECOND] = odd.endless(b"\x1f\x8b")
    with pytest.raises(CurationError, match=f"{SECOND}: the server sends more than 1000000 bytes"):
        mirror.fetch("small")
    server.odd[SECOND] = odd.drip_body
    begun = time.monotonic()
    with pytest.raises(CurationError, match=f"{SECOND}: .*fewer than 10 kB/s arrived"):
        mirror.fetch("small")
    assert time.monotonic() - begun < 10


def test_a_change_of_any_shard_is_observed_in_one_request(server: FaultyServer, tmp_path: Path) -> None:
    settings = read_settings({}, {"profile": "custom", "archives": server.url, "storage": str(tmp_path)})
    mirror = source(server, tmp_path)

    def observed() -> tuple[str, str, str | None]:
        return archive_version(settings, "small"), mirror.validator("small"), mirror.current_sha256("small")

    before = observed()
    assert observed() == before
    for changed in NAMES:
        server.files["SHA256SUMS"] = sums({**BODIES, changed: b"another"})
        assert not {*observed()} & {*before}
    assert {request.path.rpartition("/")[2] for request in server.requests} == {"SHA256SUMS"}
    server.files["SHA256SUMS"] = sums(BODIES)
    assert mirror.current_sha256("small") == mirror.fetch("small").sha256
