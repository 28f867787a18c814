"""Lists of decisions are read or rejected with file and line, and sanitizing follows them."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from notmnist_assets.curation.core.errors import CurationError
from notmnist_assets.curation.core.file_names import file_paths
from notmnist_assets.curation.duplicates.row_index import METHODS
from notmnist_assets.curation.sanitizing.decision import Policy, sanitize
from notmnist_assets.curation.sanitizing.overrides import (
    ACTIONS,
    OverrideList,
    RowOverrides,
    find_overridden_rows,
    read_overrides,
)
from notmnist_assets_tests.builders import ORDER, World, drawing, split_of, worlds

HEAD = "key,action,label\n"
policies = st.builds(
    Policy,
    st.sampled_from(METHODS),
    st.sampled_from(("evaluation", "training")),
    st.sampled_from(("drop", "majority", "keep")),
)


def write(folder: Path, content: str | bytes, name: str = "overrides.csv") -> str:
    path = folder / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return str(path)


def test_a_list_has_a_decision_per_line(tmp_path: Path) -> None:
    read = read_overrides(write(tmp_path, HEAD + "large/A/x.png,drop,\n\nsmall/B/y.png,relabel,J\nlarge/C/z,keep,\n"))
    assert [(one.key, one.action, one.label, one.line) for one in read.entries] == [
        ("large/A/x.png", "drop", -1, 2),
        ("small/B/y.png", "relabel", 9, 4),
        ("large/C/z", "keep", -1, 5),
    ]


@pytest.mark.parametrize(
    "name", ['quote " and, comma', "line\nbreak", "line\rbreak", "\u2028 \x0b\x85", " a ", "\u202e"]
)
def test_any_name_can_be_a_key(tmp_path: Path, name: str) -> None:
    quoted = name.replace('"', '""')
    read = read_overrides(write(tmp_path, f'{HEAD}"large/A/{quoted}",drop,\nlarge/B/x,keep,\n'))
    assert [one.key for one in read.entries] == [f"large/A/{name}", "large/B/x"]
    assert read.entries[1].line == 3 + ("\n" in name or "\r" in name)


def test_editors_may_add_a_byte_order_mark_other_line_ends_and_leave_out_empty_labels(tmp_path: Path) -> None:
    plain = read_overrides(write(tmp_path, HEAD + "large/A/x,drop,\n", "plain.csv"))
    assert read_overrides(write(tmp_path, b"\xef\xbb\xbfkey,action\r\nlarge/A/x, drop\r\n")) == plain
    assert read_overrides(write(tmp_path, HEAD)).entries == ()


def test_lists_with_the_same_decisions_are_equal_in_any_order_and_place(tmp_path: Path) -> None:
    lines = ["large/A/x,drop,", "large/B/y,relabel,C"]
    one, other, changed = (
        read_overrides(write(tmp_path, HEAD + "\n".join(those) + "\n", f"{number}.csv"))
        for number, those in enumerate((lines, lines[::-1], [lines[0], "large/B/y,relabel,D"]))
    )
    assert one == other
    assert one.digest == other.digest != changed.digest
    assert hash(one) == hash(other)


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ("", "line 1: it is not the head key,action,label: the file is empty"),
        ("large/A/x,drop,\n", "line 1: it is not the head key,action,label"),
        (HEAD + "large/A/x,delete,\n", "line 2: the action 'delete' is not one of keep, drop, relabel"),
        (HEAD + "large/A/x\n", "line 2: the action '' is not one of"),
        (HEAD + "large/A/x,relabel,\n", "line 2: the label '' is not one of the letters A to J"),
        (HEAD + "large/A/x,relabel,K\n", "line 2: the label 'K'"),
        (HEAD + "large/A/x,relabel,AB\n", "line 2: the label 'AB'"),
        (HEAD + "large/A/x,keep,A\n", "line 2: the action keep takes no label"),
        (HEAD + "large/A/x,drop,,\n", "line 2: it has 4 cells, not 3"),
        (HEAD + "\nlarge/A/x,drop,\nlarge/A/x,keep,\n", "line 4: the row large/A/x is already in line 3"),
        (HEAD + '"large/A/x\ny",keep,\nlarge/A/z,\u202edrop,\n', "line 4: the action '\\u202edrop' is"),
        (HEAD + '"large/A/x,drop,\n', "line 2: it is not CSV: unexpected end of data"),
        (b"key,action,label\nlarge/\xff,drop,\n", "line 2: it is not text in UTF-8"),
        (b"\x89PNG\r\n\x1a\n\x00", "line 1: it is not text in UTF-8"),
        (HEAD + "large/A/x\0,drop,\n", "line 2: it is not text: it has a NUL byte"),
        (HEAD + "x" * 200_000 + ",drop,\n", "line 2: it is not CSV: field larger than"),
    ],
)
def test_a_bad_list_is_rejected_with_file_line_and_reason(tmp_path: Path, content: str | bytes, problem: str) -> None:
    path = write(tmp_path, content)
    with pytest.raises(CurationError) as caught:
        read_overrides(path)
    assert f"{path}, {problem}" in str(caught.value)
    assert str(caught.value).isprintable()


@pytest.mark.parametrize("path", ["/nowhere/x.csv", "/", "/dev/zero"])
def test_what_is_no_file_is_rejected(path: str) -> None:
    with pytest.raises(CurationError, match=f"^{path}: (the file does not exist|it is not a regular file)"):
        read_overrides(path)


def listed(path: str, *entries: tuple[str, str]) -> OverrideList:
    Path(path).write_text(HEAD + "".join(f"{key},{action},\n" for key, action in entries))
    return read_overrides(path)


def test_a_key_without_row_is_rejected_with_its_line(tmp_path: Path) -> None:
    splits = {name: split_of(np.stack([drawing(0)]), [0], name=name) for name in ORDER}
    known = file_paths(splits["valid"].sources).iloc[0]
    path = str(tmp_path / "list.csv")
    found = find_overridden_rows(listed(path, (known, "drop")), splits)
    assert np.flatnonzero(found.drop).tolist() == [1]
    for others, words in ((["large/A/none"], ""), (["large/A/none", "none"], ", and 1 more line like it")):
        entries = [(known, "drop"), *((key, "keep") for key in others)]
        with pytest.raises(CurationError, match=f"line 3: no row of train, valid or test .* large/A/none{words}"):
            find_overridden_rows(listed(path, *entries), splits)


@st.composite
def decided(draw: st.DrawFn) -> tuple[World, RowOverrides]:
    """Generate splits and a decision about some of their rows."""
    world = draw(worlds())
    rows = world.rows()
    actions = [draw(st.sampled_from((*ACTIONS, None, None))) for _ in rows]
    labels = [
        draw(st.integers(0, 2)) if action == "relabel" else row.letter
        for row, action in zip(rows, actions, strict=True)
    ]
    keep, drop = (np.array([action == one for action in actions], bool) for one in ("keep", "drop"))
    return world, RowOverrides(keep, drop, np.array(labels, np.int32))


@settings(max_examples=25)
@given(decided(), policies)
def test_dropped_rows_are_as_if_they_did_not_exist_and_relabelled_ones_have_their_label(
    case: tuple[World, RowOverrides], policy: Policy
) -> None:
    world, overrides = case
    relabelled = overrides.relabel(world.splits)
    starts = dict(zip(ORDER, np.cumsum([0, *(len(world.splits[name]) for name in ORDER)]).tolist(), strict=False))
    left = {name: np.flatnonzero(~overrides.drop[starts[name] :][: len(world.splits[name])]) for name in ORDER}
    without = World({name: relabelled[name].take(left[name]) for name in ORDER}, world.radius)
    keep = overrides.keep[~overrides.drop]
    labels = overrides.labels[~overrides.drop]
    expected = sanitize(without.index(), policy, RowOverrides(keep, np.zeros(len(keep), bool), labels))
    outcome = sanitize(world.index(), policy, overrides)
    for name in ORDER:
        assert outcome.kept[name].tolist() == left[name][expected.kept[name]].tolist()
    reasons = {(row["split"], row["row"]): row["reason"] for row in outcome.removed.to_dict("records")}
    for place, row in enumerate(world.rows()):
        assert (reasons.get((row.split, row.row)) == "override") == overrides.drop[place]
    assert len(reasons) == len(outcome.removed)


@settings(max_examples=25)
@given(decided(), policies)
def test_rows_to_keep_are_removed_only_if_they_leak_and_all_others_obey_the_policy(
    case: tuple[World, RowOverrides], policy: Policy
) -> None:
    world, overrides = case
    outcome = sanitize(world.index(), policy, overrides)
    rows = world.rows()
    places = {(row.split, row.row): place for place, row in enumerate(rows)}
    for removed in outcome.removed.to_dict("records"):
        if overrides.keep[places[removed["split"], removed["row"]]]:
            assert removed["reason"].startswith("also in ")
    left = [(place, row) for place, row in enumerate(rows) if row.row in outcome.kept[row.split]]
    for place, one in left:
        for other_place, other in left:
            if place == other_place or world.related(one, other, policy.method) is None:
                continue
            assert one.split == other.split, "a leak is left"
            if overrides.keep[place] and overrides.keep[other_place]:
                continue
            assert policy.conflicts == "keep" or overrides.labels[place] == overrides.labels[other_place]
            assert one.image.tobytes() != other.image.tobytes(), "a repeat is left"


def test_of_repeats_the_row_to_keep_stays() -> None:
    splits = {
        name: split_of(
            np.stack([drawing(0)] * 3)[: 3 if name == "train" else 0], [0] * 3 if name == "train" else [], name=name
        )
        for name in ORDER
    }
    world = World(splits, 0.2)
    keep = np.array([False, True, False])
    outcome = sanitize(world.index(), Policy(), RowOverrides(keep, np.zeros(3, bool), np.zeros(3, np.int32)))
    assert outcome.kept["train"].tolist() == [1]
    assert outcome.removed["collides_row"].tolist() == [1, 1]
