"""Scratch folders end with their processes, however these end, and those in use are never touched."""

import multiprocessing
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from notmnist_assets.curation.core.scratch import PREFIX, scratch_folder

USE_UNTIL_INPUT = """
import sys
from pathlib import Path
from notmnist_assets.curation.core.scratch import scratch_folder
with scratch_folder(Path(sys.argv[1])) as folder:
    (folder / "pixels.raw").write_bytes(b"1234")
    print(folder, flush=True)
    sys.stdin.readline()
"""


def scratch_process(parent: Path) -> subprocess.Popen[str]:
    """Start a process that uses a scratch folder until it reads a line."""
    command = [sys.executable, "-c", USE_UNTIL_INPUT, str(parent)]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def test_a_folder_is_empty_and_gone_afterwards(tmp_path: Path) -> None:
    with scratch_folder(tmp_path) as folder:
        assert list(folder.iterdir()) == []
        (folder / "file").write_bytes(b"1")
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(RuntimeError, match="broken"), scratch_folder(tmp_path):
        raise RuntimeError("broken")
    assert list(tmp_path.iterdir()) == []


def test_the_folder_of_a_killed_process_is_removed_by_the_next(tmp_path: Path) -> None:
    with scratch_process(tmp_path) as process:
        assert process.stdout is not None
        left = Path(process.stdout.readline().strip())
        process.send_signal(signal.SIGKILL)
    assert (left / "pixels.raw").exists()
    with scratch_folder(tmp_path) as folder:
        assert not left.exists()
        assert folder.is_dir()
    assert list(tmp_path.iterdir()) == []


def test_the_folder_of_a_process_that_was_killed_before_it_created_the_lock_is_removed(tmp_path: Path) -> None:
    (tmp_path / f"{PREFIX}empty").mkdir()
    with scratch_folder(tmp_path) as folder:
        assert list(tmp_path.iterdir()) == [folder.parent]
    assert list(tmp_path.iterdir()) == []


def test_the_folder_of_a_running_process_is_not_removed(tmp_path: Path) -> None:
    with scratch_process(tmp_path) as process:
        assert process.stdout is not None
        used = Path(process.stdout.readline().strip())
        with scratch_folder(tmp_path):
            assert (used / "pixels.raw").exists()
        process.communicate("go on\n")
    assert process.returncode == 0
    assert list(tmp_path.iterdir()) == []


def test_nested_scratch_folders_are_not_removed(tmp_path: Path) -> None:
    with scratch_folder(tmp_path) as outer, scratch_folder(tmp_path) as inner:
        assert outer.is_dir()
        assert inner.is_dir()
        assert outer != inner


def test_other_folders_are_not_removed(tmp_path: Path) -> None:
    (tmp_path / f"{PREFIX}mine").mkdir()
    (tmp_path / f"{PREFIX}mine" / "file").write_bytes(b"1")
    (tmp_path / f"{PREFIX}file").write_bytes(b"1")
    (tmp_path / f"{PREFIX}link").symlink_to(tmp_path / f"{PREFIX}mine")
    with scratch_folder(tmp_path):
        pass
    assert len(list(tmp_path.iterdir())) == 3
    assert (tmp_path / f"{PREFIX}mine" / "file").exists()


def _come_and_go(parent: Path) -> int:
    for number in range(100):
        with scratch_folder(parent) as folder:
            (folder / "file").write_bytes(b"%d" % number)
            if (folder / "file").read_bytes() != b"%d" % number:
                return number
    return 100


def test_concurrent_processes_never_remove_each_others_folders(tmp_path: Path) -> None:
    with multiprocessing.get_context("spawn").Pool(4) as pool:
        assert pool.map(_come_and_go, [tmp_path] * 4) == [100] * 4
    assert list(tmp_path.iterdir()) == []
