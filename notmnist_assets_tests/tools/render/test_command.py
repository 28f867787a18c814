"""The commands `python -m tools.render` and `python -m tools.render.sample`."""

import hashlib
import subprocess
import sys
from pathlib import Path

import pytest

from notmnist_assets.settings.model import project_home
from notmnist_assets.sources.sample import FILES
from tools.render import sample
from tools.render.archives import is_rendered

ARCHIVES = ("notMNIST_large.tar.gz", "notMNIST_small.tar.gz")


def render(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "tools.render", "--workers", "1", *arguments],
        cwd=project_home(),
        capture_output=True,
        text=True,
        check=False,
    )


def test_it_writes_both_archives_with_checksums_and_replaces_other_files_only_with_force(tmp_path: Path) -> None:
    arguments = ("--per-letter", "60", "--small-per-letter", "20", "--out", str(tmp_path))
    ended = render(*arguments)
    assert ended.returncode == 0, ended.stderr
    assert str(tmp_path) in ended.stdout
    sums = dict(line.split()[::-1] for line in (tmp_path / "SHA256SUMS").read_text().splitlines())
    for name in ARCHIVES:
        assert sums[name] == hashlib.sha256((tmp_path / name).read_bytes()).hexdigest()
    (tmp_path / ARCHIVES[0]).write_bytes(b"somebody's own")
    ended = render(*arguments)
    assert (ended.returncode, ended.stderr.count("\n")) == (1, 1)
    assert ended.stderr.startswith(f"Not rendered: {tmp_path}: it has {ARCHIVES[0]}, ")
    assert (tmp_path / ARCHIVES[0]).read_bytes() == b"somebody's own"
    assert render(*arguments, "--force").returncode == 0
    assert is_rendered(tmp_path, large_per_letter=60, small_per_letter=20)


def test_an_impossible_size_is_explained_in_one_line(tmp_path: Path) -> None:
    ended = render("--per-letter", "100000000", "--out", str(tmp_path / "many"))
    assert (ended.returncode, ended.stderr.count("\n")) == (1, 1)
    assert "Not rendered: rendered large set: cannot have 100000000 images for each letter." in ended.stderr
    (tmp_path / "file").touch()
    ended = render("--per-letter", "60", "--out", str(tmp_path / "file"))
    assert (ended.returncode, ended.stderr.count("\n")) == (1, 1)
    assert "Not rendered: " in ended.stderr
    assert str(tmp_path / "file") in ended.stderr


def test_the_sample_of_the_package_is_what_its_command_renders(tmp_path: Path) -> None:
    packaged = Path(str(FILES))
    size = {"large_per_letter": sample.LARGE_PER_LETTER, "small_per_letter": sample.SMALL_PER_LETTER}
    if not is_rendered(packaged, **size):
        pytest.skip("the sample was rendered with other versions of Pillow, FreeType, pyarrow or the fonts")
    sample.main(tmp_path)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == {
        path.name: path.read_bytes() for path in packaged.iterdir()
    }
