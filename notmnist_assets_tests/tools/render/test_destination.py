"""Files in the destination of a rendering: complete, recognized, and replaced only if `render_archives` wrote them."""

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import NoReturn

import pytest

from notmnist_assets.curation.core.errors import CurationError
from notmnist_assets.curation.core.progress import Advance, show_progress_on
from tools.render import is_rendered, render_archives
from tools.render.archives import ARCHIVES, CHECKSUMS, GROUND_TRUTH, RECIPE

FILES = (*ARCHIVES.values(), GROUND_TRUTH, CHECKSUMS, RECIPE)

RENDER = """
import sys
from pathlib import Path
from tools.render import render_archives
if __name__ == "__main__":
    render_archives(Path(sys.argv[1]), large_per_letter=20_000, small_per_letter=60, workers=2)
"""


class _StoppedError(Exception):
    pass


def test_a_run_that_is_stopped_leaves_no_file_and_keeps_the_old_ones(tmp_path: Path) -> None:
    @contextmanager
    def display(title: str, total: int | None, unit: str) -> Iterator[Advance]:
        def stop(amount: int) -> NoReturn:
            raise _StoppedError

        yield stop

    (tmp_path / FILES[0]).write_bytes(b"old")
    with pytest.raises(_StoppedError), show_progress_on(display):
        render_archives(tmp_path, large_per_letter=20, small_per_letter=20, workers=1, force=True)
    assert [path.name for path in tmp_path.iterdir()] == [FILES[0]]
    assert (tmp_path / FILES[0]).read_bytes() == b"old"


def test_a_killed_run_leaves_no_workers_and_its_files_are_cleared_by_the_next(tmp_path: Path) -> None:
    rendering = subprocess.Popen([sys.executable, "-c", RENDER, str(tmp_path)], stdout=subprocess.PIPE)
    started = time.monotonic()
    while not sum(path.stat().st_size for path in tmp_path.glob(".rendering/*.tar.gz")):
        assert rendering.poll() is None
        assert time.monotonic() - started < 60
        time.sleep(0.05)
    rendering.kill()
    rendering.communicate(timeout=30)  # ends when nobody holds the other end of the pipe any more
    assert list(tmp_path.glob(".rendering/*.tar.gz"))
    render_archives(tmp_path, large_per_letter=20, small_per_letter=20, workers=1)
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(FILES)


def test_one_process_at_a_time_renders_into_a_folder(tmp_path: Path) -> None:
    def render(_amount: int = 0) -> None:
        render_archives(tmp_path, large_per_letter=20, small_per_letter=20, workers=1)

    with show_progress_on(lambda *_: nullcontext(render)), pytest.raises(CurationError, match="another process"):
        render()
    render()
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(FILES)


def test_rendered_files_are_replaced_without_force(tmp_path: Path) -> None:
    for size in (20, 21):
        render_archives(tmp_path, large_per_letter=size, small_per_letter=20, workers=1)
    assert is_rendered(tmp_path, large_per_letter=21, small_per_letter=20)


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("rendered_before", [False, True])
def test_other_files_are_replaced_only_with_force(tmp_path: Path, name: str, rendered_before: bool) -> None:
    if rendered_before:
        render_archives(tmp_path, large_per_letter=21, small_per_letter=20, workers=1)
    (tmp_path / name).write_text("somebody's own")
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    with pytest.raises(CurationError, match=name):
        render_archives(tmp_path, large_per_letter=20, small_per_letter=20, workers=1)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before
    render_archives(tmp_path, large_per_letter=20, small_per_letter=20, workers=1, force=True)
    assert is_rendered(tmp_path, large_per_letter=20, small_per_letter=20)


@pytest.mark.parametrize("size", [19, 2**20 + 1])
def test_a_set_that_is_too_small_or_too_large_is_refused(tmp_path: Path, size: int) -> None:
    with pytest.raises(CurationError, match="rendered large set"):
        render_archives(tmp_path, large_per_letter=size, small_per_letter=20)
