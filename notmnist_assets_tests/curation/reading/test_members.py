"""Members of tar streams: those that `tarfile` finds, in blocks of any size, of any format and of damaged archives."""

import io
import tarfile
import tracemalloc
from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from notmnist_assets.curation.core.errors import CurationError
from notmnist_assets.curation.reading.members import LARGEST_MEMBER, Member, walk_tar

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
    """Return what tarfile finds, and whether it came to a mark of the end with nothing after it."""
    members: list[Member] = []
    try:
        with tarfile.open(
            fileobj=io.BytesIO(data), mode="r:", encoding="utf-8", errors="backslashreplace", ignore_zeros=False
        ) as tar:
            for entry in tar:
                if entry.size < 0:  # older versions of tarfile would go back, and round and round
                    return members, False
                if entry.isdir():
                    continue
                sparse = entry.issparse() or any(key.startswith("GNU.sparse.") for key in entry.pax_headers)
                kind = "S" if sparse else entry.type.decode("latin-1")
                file = tar.extractfile(entry) if kind in "\x0007" and entry.size <= LARGEST_MEMBER else None
                members.append(Member(entry.name, kind, entry.size, file.read() if file else None))
            end: int = tar.offset  # type: ignore[attr-defined,unused-ignore]
    except Exception:  # of many kinds, over damaged headers
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
            # A global header with a path or a size is refused even where tarfile takes it.
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
