"""Files of `write_npy` are those of NumPy, byte by byte, and `read_npy` refuses other formats."""

import io
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as st_numpy

from notmnist_assets.curation.core import npy
from notmnist_assets.curation.core.npy import map_npy, map_open_npy, read_npy, write_npy

numbers = st_numpy.arrays(
    st.sampled_from([np.uint8, np.int32, np.float32, np.float64]),
    st_numpy.array_shapes(min_dims=1, max_dims=3, min_side=0, max_side=6),
)


def saved(values: npt.NDArray[Any]) -> bytes:
    file = io.BytesIO()
    np.save(file, values, allow_pickle=False)
    return file.getvalue()


@given(numbers)
def test_the_bytes_are_those_of_numpy(values: npt.NDArray[Any]) -> None:
    file = io.BytesIO()
    write_npy(values, file)
    assert file.getvalue() == saved(values)


@pytest.mark.parametrize("piece", [1, 7, 64])
def test_pieces_of_any_size_make_the_same_file(piece: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(npy, "PIECE_BYTES", piece)
    values = np.arange(60, dtype=np.int32).reshape(3, 4, 5)
    file = io.BytesIO()
    write_npy(values, file)
    assert file.getvalue() == saved(values)


@pytest.mark.parametrize(
    "values",
    [
        pytest.param(np.arange(60, dtype=np.int32).reshape(6, 10)[::2, 1::3], id="a view with gaps"),
        pytest.param(np.asfortranarray(np.arange(12.0).reshape(3, 4)), id="Fortran's order"),
    ],
)
def test_any_layout_is_written_in_c_order(values: npt.NDArray[Any]) -> None:
    file = io.BytesIO()
    write_npy(values, file)
    assert file.getvalue() == saved(np.ascontiguousarray(values))


@given(numbers)
def test_a_written_array_is_read_back(values: npt.NDArray[Any]) -> None:
    np.testing.assert_array_equal(read_npy(io.BytesIO(saved(values))), values)


def _of_objects() -> bytes:
    file = io.BytesIO()
    np.save(file, np.array([{"a": 1}], dtype=object), allow_pickle=True)
    return file.getvalue()


def _zipped() -> bytes:
    file = io.BytesIO()
    np.savez(file, values=np.arange(3))
    return file.getvalue()


WHOLE = saved(np.arange(100, dtype=np.int32))


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(WHOLE[:-1], id="its end missing"),
        pytest.param(WHOLE[:50], id="half a header"),
        pytest.param(b"PK\x03\x04" + WHOLE[4:], id="the first bytes of a zip file"),
        pytest.param(WHOLE.replace(b"'descr'", b"'descr("), id="a header that is no Python"),
        pytest.param(WHOLE.replace(b"(100,)", b"(1e9,)"), id="a shape that is no number"),
        pytest.param(WHOLE.replace(b"(100,), }  ", b"(10**9,), }"), id="a shape that is computed"),
        pytest.param(WHOLE.replace(b"(100,), }         ", b"(999999999999,), }"), id="a shape beyond all memory"),
        pytest.param(_of_objects(), id="a pickle"),
        pytest.param(_zipped(), id="several arrays in a zip file"),
    ],
)
def test_files_of_other_formats_are_refused(content: bytes, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="not a whole"):
        read_npy(io.BytesIO(content))
    (tmp_path / "values.npy").write_bytes(content)
    with pytest.raises(ValueError, match="not a whole"):
        map_npy(tmp_path / "values.npy")
    with (tmp_path / "values.npy").open("rb") as file, pytest.raises(ValueError, match="not a whole"):
        map_open_npy(file)


@given(st.data())
def test_a_changed_byte_is_refused_or_read_as_another_array_and_nothing_else_happens(data: st.DataObject) -> None:
    changed = bytearray(WHOLE)
    changed[data.draw(st.integers(0, len(WHOLE) - 401))] = data.draw(st.integers(0, 255))
    with suppress(ValueError):
        assert read_npy(io.BytesIO(bytes(changed))).nbytes <= len(WHOLE)
