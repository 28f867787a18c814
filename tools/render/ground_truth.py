"""Writes the table of all planted faults, and of the exact repeats that occur by chance.

Columns: `set`, `letter`, `name` of a file; `kind`: exact_duplicate, near_duplicate, label_conflict (same or nearly the
same image as a file of another letter), wrong_label, unreadable; `of_set`, `of_letter`, `of_name`: the file that it
repeats, for a wrong label only the letter that it shows, if it is one of A to J; `distance`: sum of absolute pixel
differences / 255 to that file; `detail`: text. One file may have several rows. Exact repeats are complete: of two files
with equal pixels both are in the table, or one is and its row names the other or a third that equals both. Near
duplicates that occur by chance are not in the table.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from notmnist_assets.curation.core.images import LETTERS, SETS
from tools.render.names import file_name
from tools.render.planting import Contents, Plan
from tools.render.randomness import Integers

SCHEMA: Final = pa.schema(
    [
        ("set", pa.string()),
        ("letter", pa.string()),
        ("name", pa.string()),
        ("kind", pa.string()),
        ("of_set", pa.string()),
        ("of_letter", pa.string()),
        ("of_name", pa.string()),
        ("distance", pa.float64()),
        ("detail", pa.string()),
    ]
)

_Row = tuple[str, str, str, str, str | None, str | None, str | None, float | None, str]


@dataclass(frozen=True, eq=False)
class RenderedLetter:
    """The rendered files of a letter, in archive order; see `Members` for the arrays."""

    set_name: str
    letter: str
    fonts: Integers
    digests: npt.NDArray[np.uint64]
    distances: npt.NDArray[np.float64]


def write_ground_truth(path: Path, plan: Plan, rendered: list[RenderedLetter]) -> None:
    """Write the table for all letters of both sets, in order of set, letter and name, as Parquet."""
    rows: list[_Row] = []
    original: list[npt.NDArray[np.bool_]] = []
    for part in rendered:
        contents = plan.contents(part.set_name, part.letter, part.fonts)
        rows += _planted_faults(part, contents)
        repeats_exactly = (contents.relations != "") & (contents.near_kinds == "")
        original.append((contents.faults == "") & ~repeats_exactly)
    rows += _chance_repeats(rendered, np.concatenate(original))
    rows.sort(key=lambda row: (SETS.index(row[0]), *row[1:4]))
    columns = zip(*rows, strict=True)
    table = pa.table([pa.array(c, f.type) for c, f in zip(columns, SCHEMA, strict=True)], schema=SCHEMA)
    pq.write_table(table, path)


def _planted_faults(part: RenderedLetter, contents: Contents) -> list[_Row]:
    rows: list[_Row] = []
    is_conflict = contents.relations == "label_conflict"
    wrong = (contents.characters != part.letter) & ~is_conflict & (contents.faults == "")
    for i in np.flatnonzero((contents.relations != "") | wrong | (contents.faults != "")):
        where = (part.set_name, part.letter, file_name(part.set_name, int(part.fonts[i])))
        if contents.faults[i]:
            rows.append((*where, "unreadable", None, None, None, None, str(contents.faults[i])))
        if contents.relations[i]:
            source_set = str(contents.source_sets[i])
            source = (source_set, str(contents.source_letters[i]))
            near = str(contents.near_kinds[i])
            rows.append(
                (
                    *where,
                    str(contents.relations[i]),
                    *source,
                    file_name(source_set, int(contents.source_fonts[i])),
                    float(part.distances[i]) if near else 0.0,
                    near or ("one picture for two letters" if is_conflict[i] else "one font under two names"),
                )
            )
        if wrong[i]:
            shown = str(contents.characters[i])
            shown_letter = shown if shown in LETTERS else None
            rows.append((*where, "wrong_label", None, shown_letter, None, None, f"shows {shown}"))
    return rows


def _chance_repeats(rendered: list[RenderedLetter], original: npt.NDArray[np.bool_]) -> list[_Row]:
    """Find files that are no planted copies but equal an earlier file, for example white squares.

    The row of a file names the first equal file of its letter; the row of that file names the first of any letter.
    """
    digests = np.concatenate([part.digests for part in rendered])
    part_of = np.repeat(np.arange(len(rendered)), [len(part.fonts) for part in rendered])
    fonts = np.concatenate([part.fonts for part in rendered])
    files = np.flatnonzero(original)
    letters = np.array([LETTERS.index(part.letter) for part in rendered])[part_of]
    files = files[np.lexsort((files, letters[files], digests[files, 1], digests[files, 0]))]
    new_picture = np.ones(len(files), np.bool_)
    new_picture[1:] = (digests[files[1:]] != digests[files[:-1]]).any(axis=1)
    new_letter = new_picture.copy()
    new_letter[1:] |= letters[files[1:]] != letters[files[:-1]]
    first_of_picture, first_of_letter = (
        files[np.flatnonzero(new)[np.cumsum(new) - 1]] for new in (new_picture, new_letter)
    )
    sources = np.where(new_letter, first_of_picture, first_of_letter)

    def describe(file: int) -> tuple[str, str, str]:
        part = rendered[part_of[file]]
        return part.set_name, part.letter, file_name(part.set_name, int(fonts[file]))

    rows: list[_Row] = []
    for file, source in zip(files[~new_picture], sources[~new_picture], strict=True):
        where, of = describe(int(file)), describe(int(source))
        kind = "exact_duplicate" if where[1] == of[1] else "label_conflict"
        rows.append((*where, kind, *of, 0.0, "came about by itself"))
    return rows
