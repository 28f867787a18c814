"""`notmnist doctor` reports what is wrong with one line each, and its exit code is for monitoring."""

import shutil
from collections import namedtuple

import pytest

from notmnist_assets.definitions import DECLARATIONS
from notmnist_assets_tests.runs.test_process import process_of, started_run
from notmnist_assets_tests.workspace import Workspace


def findings(out: str) -> dict[str, tuple[str, str]]:
    """Return level and detail of each line by its subject."""
    lines = (line.partition(": ") for line in out.splitlines())
    return {head[6:]: (head[:6].strip(), detail) for head, _, detail in lines}


def test_after_a_good_run_nothing_fails(finished: Workspace) -> None:
    ended = finished.notmnist("doctor")
    assert (ended.code, ended.err) == (0, "")
    found = findings(ended.out)
    assert {level for level, _ in found.values()} <= {"ok", "warn"}
    assert found["storage"] == (
        "ok",
        f"{finished.storage}/custom, {len(DECLARATIONS)} values, digests of their files match",
    )
    assert found["source"] == ("ok", f"{finished.archives}, 2 archives")
    assert found["assets"] == ("ok", "all up to date")
    assert found["history"][0] == "ok"
    assert found["last good run"][1].startswith("less than a minute ago") or "minute" in found["last good run"][1]
    assert found["daemon"] == ("ok", "not running; no schedule or sensor that requests runs is switched on")


def test_a_damaged_file_fails_and_quick_only_compares_sizes(workspace: Workspace) -> None:
    (path,) = workspace.storage.glob("custom/splits/test/*/images.npy")
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)
    ended = workspace.notmnist("doctor")
    assert ended.code == 1
    level, detail = findings(ended.out)["splits/test"]
    assert level == "fail"
    assert detail.endswith("Materialize it again: notmnist run splits/test")
    assert workspace.notmnist("doctor", "--quick").code == 0
    path.write_bytes(data[:-1])
    assert workspace.notmnist("doctor", "--quick").code == 1


def test_a_dead_run_and_a_history_that_cannot_be_opened_fail(workspace: Workspace) -> None:
    with workspace.instance() as instance:
        run = started_run(instance, workspace.definitions.resolve_job_def("refresh"))
        with process_of(run) as process:
            assert "runs" not in findings(workspace.notmnist("doctor", "--quick").out)
            process.kill()
            process.wait()
    ended = workspace.notmnist("doctor", "--quick")
    assert ended.code == 1
    assert findings(ended.out)["runs"][1].startswith(f"the process of {run.run_id[:8]} has died.")
    (workspace.home / "dagster.yaml").write_text("a: [b")
    ended = workspace.notmnist("doctor", "--quick")
    assert ended.code == 1
    assert findings(ended.out)["history"][0] == "fail"


def test_a_missing_source_warns_while_its_archives_are_stored(workspace: Workspace) -> None:
    workspace.archives.rename(workspace.root / "elsewhere")
    ended = workspace.notmnist("doctor", "--quick")
    assert (ended.code, findings(ended.out)["source"][0]) == (0, "warn")
    shutil.rmtree(workspace.storage)
    ended = workspace.notmnist("doctor", "--quick")
    assert (ended.code, findings(ended.out)["source"][0]) == (1, "fail")


def test_changed_archives_warn_with_the_command_that_materializes_them(
    finished: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NOTMNIST_SANITIZE_REMOVE", "training")
    level, detail = findings(finished.notmnist("doctor", "--quick").out)["assets"]
    assert level == "warn"
    assert "assets out of date, first sanitized/" in detail
    assert detail.endswith("Materialize: notmnist run")


def test_a_nearly_full_disk_fails(finished: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = namedtuple("usage", ("total", "used", "free"))
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage(10**9, 10**9 - 10**8, 10**8))
    ended = finished.notmnist("doctor", "--quick")
    assert ended.code == 1
    level, detail = findings(ended.out)["disk space"]
    assert level == "fail"
    assert "Free space on the disk of" in detail
