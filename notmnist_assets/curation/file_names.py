"""What file names tell: who a row is.

Belongs here: the path that each row goes by, and finding rows by it. Which files an archive holds is in `members`.
"""

import numpy as np
import numpy.typing as npt
import pandas as pd

from notmnist_assets.curation.values import FILE_COLUMNS


def file_paths(sources: pd.DataFrame) -> "pd.Series[str]":
    """Return `set/letter/name` of each row, equal exactly where rows were made of one file.

    Args:
        sources: `set`, `letter`, `name`, and whatever else, as in `Split.sources`.

    Returns:
        str (n,), with the index of `sources`.
    """
    # Sets and letters have no slash: whatever is in a name, two files never have one path.
    set_name, letter, name = (sources[column].astype("str") for column in FILE_COLUMNS)
    return set_name + "/" + letter + "/" + name


def rows_by_file(sources: pd.DataFrame, others: pd.DataFrame) -> npt.NDArray[np.int64]:
    """Return the first row of `others` that was made of the same file as each of `sources`: int64 (n,), -1 for none."""
    import pyarrow as pa
    import pyarrow.compute as pc

    found = pc.index_in(*(pa.array(file_paths(table), pa.large_string()) for table in (sources, others)))
    rows: npt.NDArray[np.int64] = found.fill_null(-1).to_numpy().astype(np.int64)
    return rows
