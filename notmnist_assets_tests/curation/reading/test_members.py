"""Members of tar streams, compared with `tarfile`: blocks of any size, all formats, damaged archives, odd headers."""

import gzip
import io
import tarfile
import tracemalloc
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from notmnist_assets.curation.core.errors import CurationError
from notmnist_assets.curation.core.values import OtherFiles
from notmnist_assets.curation.reading.members import LARGEST_MEMBER, Member, walk_tar
from notmnist_assets_tests.curation.reading.test_letters import archive_of, glyph, read

FORMATS = (tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT)
KINDS = (tarfile.REGTYPE, tarfile.AREGTYPE, tarfile.DIRTYPE, tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE, b"Z")


def packed(entries: list[tuple[str, bytes, int]], kind: int) -> bytes:
    """Return a tar archive of members, each a path, a type and a number of bytes."""
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w", format=kind) as tar:
        for path, flag, size in entries:
            entry = tarfile.TarInfo(path)
            entry.type = flag
            entry.size = size if flag in (*tarfile.REGULAR_TYPES, b"Z") else 0
            tar.addfile(entry, io.BytesIO(bytes(i % 251 for i in range(entry.size))))
    return file.getvalue()


def pieces(data: bytes, size: int) -> Iterator[bytes]:
    return (data[start : start + size] for start in range(0, len(data), size))


def walked(data: bytes, size: int = 1 << 20) -> list[Member]:
    return [member for block in walk_tar(pieces(data, size), "tar") for member in block]


def by_tarfile(data: bytes) -> tuple[list[Member], bool]:
    """Return the members that tarfile finds, and whether the archive ends with an end mark and nothing after it."""
    members: list[Member] = []
    try:
        with tarfile.open(
            fileobj=io.BytesIO(data), mode="r:", encoding="utf-8", errors="backslashreplace", ignore_zeros=False
        ) as tar:
            for entry in tar:
                if entry.size < 0:  # older versions of tarfile seek back and never end
                    return members, False
                if entry.isdir():
                    continue
                sparse = entry.issparse() or any(key.startswith("GNU.sparse.") for key in entry.pax_headers)
                kind = "S" if sparse else entry.type.decode("latin-1")
                file = tar.extractfile(entry) if kind in "\x0007" and entry.size <= LARGEST_MEMBER else None
                members.append(Member(entry.name, kind, entry.size, file.read() if file else None))
            end: int = tar.offset  # type: ignore[attr-defined,unused-ignore]
    except Exception:  # tarfile raises many kinds of exceptions for damaged headers
        return members, False
    return members, len(data) >= end + 512 and not any(data[end:])


paths = st.text(st.sampled_from("aBé中 ._-"), min_size=1, max_size=8).map(lambda name: f"root/A/{name}")
long_paths = st.integers(80, 180).map(lambda size: "root/" + "d" * 60 + "/" + "n" * size)
entries = st.lists(st.tuples(paths | long_paths, st.sampled_from(KINDS), st.integers(0, 1300)), min_size=1, max_size=8)


@given(entries, st.sampled_from(FORMATS), st.sampled_from([1, 100, 512, 700, 5000, 1 << 20]))
@settings(max_examples=150)
def test_members_are_those_of_tarfile_in_blocks_of_any_size(
    entries: list[tuple[str, bytes, int]], kind: int, size: int
) -> None:
    try:
        data = packed(entries, kind)
    except ValueError:  # ustar takes no path that cannot be split
        return
    expected, whole = by_tarfile(data)
    assert whole
    assert walked(data, size) == expected


def with_right_checksum(header: bytes) -> bytes:
    total = sum(header[:148]) + sum(header[156:512]) + 8 * ord(" ")
    return header[:148] + b"%06o\0 " % total + header[156:]


MIXED = [
    ("root", tarfile.DIRTYPE, 0),
    ("root/A/one.png", tarfile.REGTYPE, 600),
    ("root/A/" + "n" * 120, tarfile.REGTYPE, 30),
    ("root/A/old", tarfile.AREGTYPE, 512),
    ("root/A/é", tarfile.REGTYPE, 10),
    ("root/B/link", tarfile.SYMTYPE, 0),
    ("root/B/last.png", tarfile.REGTYPE, 0),
]
PLAIN = [entry for entry in MIXED if entry[1] in (tarfile.REGTYPE, tarfile.DIRTYPE)]
MUTANTS = [packed(entries, kind) for entries in (PLAIN, MIXED) for kind in (tarfile.GNU_FORMAT, tarfile.PAX_FORMAT)]
values = st.sampled_from(list(b"\0 0157LKxgSDX/\x80\xff")) | st.integers(0, 255)


@given(
    st.sampled_from(MUTANTS),
    st.lists(st.tuples(st.integers(0, 14), st.integers(0, 511), values), min_size=1, max_size=3),
    st.booleans(),
    st.integers(-1, 20),
)
@settings(max_examples=600)
def test_of_mutated_archives_the_members_are_those_of_tarfile_or_there_is_an_error(
    archive: bytes, changes: list[tuple[int, int, int]], right: bool, blocks_left: int
) -> None:
    data = bytearray(archive)
    for block, at, value in changes:
        start = 512 * block
        data[start + at] = value
        if right and data[start + 257 : start + 262] == b"ustar":
            data[start : start + 512] = with_right_checksum(bytes(data[start : start + 512]))
    mutated = bytes(data if blocks_left < 0 else data[: 512 * blocks_left])
    expected, whole = by_tarfile(mutated)
    for size in (600, 1 << 20):
        try:
            found = walked(mutated, size)
        except CurationError:
            # A global header with a path or a size is refused, although tarfile accepts it.
            assert not whole or b"g" in {mutated[at + 156 : at + 157] for at in range(0, len(mutated) - 511, 512)}
        else:
            assert whole
            assert found == expected


def test_data_after_the_end_mark_is_an_error_even_far_behind() -> None:
    archive = packed(PLAIN, tarfile.GNU_FORMAT)
    assert walked(archive + bytes(1 << 16)) == walked(archive)
    for behind in (bytes(3 << 20) + b"x", archive):
        with pytest.raises(CurationError, match="more bytes after its end mark"):
            walked(archive + behind)


def test_members_larger_than_a_block_are_skipped() -> None:
    sizes = [LARGEST_MEMBER, LARGEST_MEMBER + 1, 3 * LARGEST_MEMBER + 5, 7]
    archive = packed([(f"root/{size}", tarfile.REGTYPE, size) for size in sizes], tarfile.GNU_FORMAT)
    for size in (999_999, 1 << 24):
        found = walked(archive, size)
        assert [member.size for member in found] == sizes
        assert [member.data is None for member in found] == [False, True, True, False]


def header(kind: bytes, size: int) -> bytes:
    entry = tarfile.TarInfo("x")
    entry.type, entry.size = kind, size
    return entry.tobuf(tarfile.GNU_FORMAT)


@pytest.mark.parametrize("kind", [tarfile.GNUTYPE_LONGNAME, tarfile.XHDTYPE, tarfile.XGLTYPE, tarfile.GNUTYPE_LONGLINK])
def test_extended_headers_take_little_memory(kind: bytes) -> None:
    archive = header(kind, 64 << 20)
    tracemalloc.start()
    with pytest.raises(CurationError, match="extended tar headers larger than"):
        list(walk_tar((block for block in [archive, *[bytes(1 << 20)] * 64]), "tar"))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 8 << 20


def test_a_chain_of_extended_headers_without_end_is_an_error() -> None:
    with pytest.raises(CurationError):
        walked(header(tarfile.GNUTYPE_LONGLINK, 0) * 100_000)


@pytest.mark.parametrize("kind", [tarfile.REGTYPE, tarfile.GNUTYPE_LONGNAME, tarfile.XHDTYPE, b"Z"])
def test_a_negative_size_is_an_error(kind: bytes) -> None:
    mark = b"\xff" * 12  # -1, in GNU's base 256
    entry = header(kind, 0)
    archive = header(tarfile.REGTYPE, 0) + with_right_checksum(entry[:124] + mark + entry[136:]) + bytes(2048)
    with pytest.raises(CurationError, match="damaged tar header"):
        walked(archive)


def pax_tar(name: str, records: dict[str, str], every: dict[str, str] | None = None) -> bytes:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w", format=tarfile.PAX_FORMAT, pax_headers=every) as tar:
        data = glyph(1)[0]
        entry = tarfile.TarInfo(name)
        entry.size, entry.pax_headers = len(data), records
        tar.addfile(entry, io.BytesIO(data))
    return gzip.compress(file.getvalue())


@pytest.mark.parametrize(
    ("name", "records"),
    [
        (
            "n/A/GNUSparseFile.1/s.png",
            {"GNU.sparse.major": "1", "GNU.sparse.name": "n/A/s.png"},
        ),
        ("n/A/s.png", {"GNU.sparse.size": "9", "GNU.sparse.numblocks": "0"}),
    ],
)
def test_sparse_files_are_rejected_under_their_own_name(tmp_path: Path, name: str, records: dict[str, str]) -> None:
    letters, report = read(archive_of(tmp_path, pax_tar(name, records)), "A")
    assert letters["A"].rejected[["name", "reason"]].to_numpy().tolist() == [
        ["s.png", "not a regular file: tar type 'S'"]
    ]
    assert report.outside == OtherFiles()


def test_a_global_header_may_comment_but_not_describe_members(tmp_path: Path) -> None:
    commented = archive_of(tmp_path, pax_tar("n/A/x.png", {}, {"comment": "0" * 40}), "commented.tar.gz")
    assert read(commented, "A")[0]["A"].names.tolist() == ["x.png"]
    for records in ({"path": "n/B/y.png"}, {"size": "7"}):
        with pytest.raises(CurationError, match="global tar header"):
            read(archive_of(tmp_path, pax_tar("n/A/x.png", {}, records)))


def test_paths_of_more_than_1024_bytes_are_refused(tmp_path: Path) -> None:
    longest = "n/A/" + "x" * 1020
    assert read(archive_of(tmp_path, pax_tar(longest, {})), "A")[0]["A"].names.tolist() == [longest[4:]]
    with pytest.raises(CurationError, match="path of more than 1,024 bytes"):
        read(archive_of(tmp_path, pax_tar(longest + "x", {})))
