"""Our .npy files against NumPy's own writer, byte by byte."""

import io
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as st_numpy

from notmnist_assets.curation import npy
from notmnist_assets.curation.npy import write_npy

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
