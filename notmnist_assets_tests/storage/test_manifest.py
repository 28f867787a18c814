"""A manifest that is damaged or of another release is reported, and the value can be stored again."""

from pathlib import Path

import pytest

from notmnist_assets.curation.core.errors import CurationError
from notmnist_assets.storage.store import ValueStore
from notmnist_assets_tests.storage.values import KEY, VERSIONS, read, write


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ('{"format": 1, "version": "x", "files": {}, "facts": {}}', "it names no files"),
        (
            '{"format": 1, "version": "x", "files": {"a.bin": "many"}, "facts": {}}',
            "parts of it are missing or changed",
        ),
        ('{"format": 3, "version": "x", "files": {"a.bin": 4}, "facts": {}}', "it has the format 3, which"),
        ('{"format": 2, "version": "x", "files": {"a.bin": 4}, "facts": {}}', "parts of it are missing or changed"),
        ("", "it is not JSON"),
        ("{", "it is not JSON"),
        ("[" * 100_000, "it is not JSON"),
        ("[]", "it has the format None"),
        ('{"version": "x"}', "it has the format None"),
        ("null", "it has the format None"),
        ('{"format": 1, "version": 1, "files": 2, "facts": 3}', "parts of it are missing or changed"),
    ],
)
def test_a_damaged_manifest_is_an_error_and_can_be_replaced(tmp_path: Path, text: str, problem: str) -> None:
    store = ValueStore(str(tmp_path))
    write(store, VERSIONS[0])
    (tmp_path / "splits" / "test" / "value.json").write_text(text)
    with pytest.raises(CurationError, match=f"value.json cannot be read: {problem}"):
        store.find(KEY)
    write(store, VERSIONS[1], b"fresh")
    assert read(store) == b"fresh"


def test_an_unreadable_manifest_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "splits" / "test" / "value.json").mkdir(parents=True)
    with pytest.raises(CurationError, match=r"value\.json is a folder"):
        ValueStore(str(tmp_path)).find(KEY)
