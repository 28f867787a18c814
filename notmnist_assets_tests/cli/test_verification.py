"""`notmnist verify` reads all stored files, reports damaged values, and accepts values without digests on request."""

import json
from pathlib import Path

import pytest

from notmnist_assets.cli.verification import State, verify_values
from notmnist_assets.curation.core.errors import CurationError
from notmnist_assets.settings.model import read_settings
from notmnist_assets.storage.store import NoDigestsError, ValueStore
from notmnist_assets_tests.reader import ASSETS
from notmnist_assets_tests.storage.values import KEY, VERSIONS, write
from notmnist_assets_tests.workspace import Workspace


def change_a_byte(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


def forget_digests(manifest: Path) -> None:
    """Rewrite a manifest as the releases before digests wrote it."""
    now = json.loads(manifest.read_text())
    files = {name: file["bytes"] for name, file in now["files"].items()}
    manifest.write_text(json.dumps({"format": 1, "version": now["version"], "files": files, "facts": now["facts"]}))


def test_all_values_of_a_run_are_intact(finished: Workspace) -> None:
    ended = finished.notmnist("verify")
    assert (ended.code, ended.err) == (0, "")
    lines = ended.out.splitlines()
    assert [line.split()[0] for line in lines] == ["intact"] * len(ASSETS)
    assert {line.split()[1].rstrip(":") for line in lines} == set(ASSETS)


def test_a_damaged_value_is_named_with_the_command_that_makes_it_again(workspace: Workspace) -> None:
    before = workspace.bytes_stored()
    (path,) = workspace.storage.glob("custom/letters/small/C/*/images.npy")
    change_a_byte(path)
    ended = workspace.notmnist("verify")
    assert ended.code == 1
    (line,) = [line for line in ended.out.splitlines() if not line.startswith("intact")]
    assert line.startswith("damaged   letters/small/C: ")
    assert line.endswith("Materialize it again: notmnist run letters/small/C")
    assert "1 asset cannot be loaded" in ended.err

    assert "letters/small/C" in workspace.notmnist("run", "splits").err
    assert workspace.notmnist("run", "letters/small/C").code == 0
    assert workspace.notmnist("verify").code == 0
    assert workspace.notmnist("run").code == 0
    after = workspace.bytes_stored()
    assert {name for name in after if before.get(name) != after[name]} == {
        "custom/letters/small/C/value.json",  # the others are where they were
        *(f"{path.parent.relative_to(workspace.storage).as_posix()}-2/{name}" for name in _FILES),
        path.relative_to(workspace.storage).as_posix(),
    }


_FILES = ("images.npy", "names.parquet", "rejected.parquet")


def test_a_damaged_archive_is_named_with_the_command_that_makes_it_again(workspace: Workspace) -> None:
    (path,) = workspace.storage.glob("custom/archives/small/*/archive.tar.gz")
    change_a_byte(path)
    assert "damaged   archives/small" in workspace.notmnist("verify").out
    ended = workspace.notmnist("run", "letters/small/C")
    assert ended.code == 1
    assert "notmnist run archives/small" in ended.err
    assert workspace.notmnist("run", "archives/small").code == 0
    assert workspace.notmnist("verify").code == 0


def test_absent_values_are_no_damage(tmp_path: Path) -> None:
    (found,) = verify_values(ValueStore(str(tmp_path)), ["splits/test"])
    assert found.state is State.ABSENT
    assert found.is_usable


@pytest.mark.skipif(not Path("/proc/self/mem").exists(), reason="needs a file that exists and cannot be read")
def test_a_file_that_cannot_be_read_is_damaged(tmp_path: Path) -> None:
    store = ValueStore(str(tmp_path))
    path = Path(store.file(KEY, write(store, VERSIONS[0], b""), "a.bin"))
    path.unlink()
    path.symlink_to("/proc/self/mem")  # reading from its start is an I/O error, as from a bad sector
    (found,) = verify_values(store, ["splits/test"])
    assert found.state is State.DAMAGED
    assert "a.bin cannot be read" in found.detail


@pytest.mark.extended
def test_values_of_an_earlier_release_are_not_loaded_but_materialized_again(workspace: Workspace) -> None:
    before = workspace.bytes_stored()
    for manifest in workspace.storage.glob("custom/**/value.json"):
        forget_digests(manifest)
    ended = workspace.notmnist("verify")
    assert ended.code == 1
    assert {line.split()[0] for line in ended.out.splitlines()} == {"unproven"}
    with pytest.raises(NoDigestsError, match="notmnist verify --record"):
        ValueStore(read_settings().storage_root).require(["splits", "test"])
    assert "something upstream is out of date" in workspace.notmnist("status").out
    assert workspace.notmnist("run").code == 0
    assert workspace.notmnist("verify").code == 0
    # The files of the earlier release stay as the version before the current one.
    after = workspace.bytes_stored()
    assert {name for name in before if name not in after} == set()


def test_values_of_an_earlier_release_can_be_accepted_as_they_are(workspace: Workspace) -> None:
    before = workspace.bytes_stored()
    for manifest in workspace.storage.glob("custom/**/value.json"):
        forget_digests(manifest)
    (lost,) = workspace.storage.glob("custom/splits/test/*/labels.npy")
    lost.unlink()
    ended = workspace.notmnist("verify", "--record")
    assert ended.code == 1
    states = {line.split()[1].rstrip(":"): line.split()[0] for line in ended.out.splitlines()}
    assert states.pop("splits/test") == "damaged"
    assert set(states.values()) == {"recorded"}
    assert workspace.notmnist("run", "splits/test").code == 0
    assert workspace.notmnist("verify").code == 0
    assert workspace.notmnist("verify", "--record").out.startswith("intact")
    after = workspace.bytes_stored()
    changed = {name for name in before if before[name] != after.get(name)}
    assert {name.rsplit("/", 1)[0] for name in changed} <= {
        "custom/splits/test",
        lost.parent.relative_to(workspace.storage).as_posix(),
    }


def test_accepting_does_not_touch_values_with_digests(workspace: Workspace) -> None:
    (path,) = workspace.storage.glob("custom/splits/test/*/labels.npy")
    change_a_byte(path)
    assert "damaged   splits/test" in workspace.notmnist("verify", "--record").out
    with pytest.raises(CurationError, match="Materialize it again: notmnist run splits/test"):
        ValueStore(read_settings().storage_root).verify(
            ["splits", "test"], ValueStore(read_settings().storage_root).require(["splits", "test"])
        )
