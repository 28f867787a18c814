"""The sample of the package: its bytes, its contents, and the error for a damaged installation."""

import hashlib
import io
import re
import tarfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pytest
from PIL import Image, UnidentifiedImageError

from notmnist_assets.curation.core.errors import CurationError
from notmnist_assets.curation.core.images import LETTERS, SETS
from notmnist_assets.settings.model import project_home
from notmnist_assets.sources import sample
from notmnist_assets.sources.sample import FILES, SampleSource

SHA256 = {
    "large": "eb4bb12de11da79b419b4e16ac5da855a3ab97af6b392f44cf478a003c705d3a",
    "small": "2f2258c8013e4a888e25255de4c79af4a4f740d55b379020db9624fb4930f16f",
}
PER_LETTER = {"large": 1_600, "small": 170}


def rejected(path: Path) -> Iterator[tuple[str, str, str]]:
    """Yield set, letter and name of the files that Pillow cannot open, after counting those of each letter."""
    counts: Counter[str] = Counter()
    with tarfile.open(path) as tar:
        for member in tar:
            if not member.isfile():
                continue
            folder, letter, name = member.name.split("/")
            counts[letter] += 1
            file = tar.extractfile(member)
            assert file is not None
            try:
                with Image.open(io.BytesIO(file.read())) as image:
                    assert (image.mode, image.size) == ("L", (28, 28))
            except UnidentifiedImageError:
                yield folder.removeprefix("notMNIST_"), letter, name
    assert counts == dict.fromkeys(LETTERS, PER_LETTER["large" if "large" in path.name else "small"])


@pytest.mark.parametrize("set_name", SETS)
def test_the_archives_are_the_ones_that_the_readme_s_results_were_made_from(set_name: str) -> None:
    source = SampleSource()
    archive = source.fetch(set_name)
    data = Path(archive.uri).read_bytes()
    assert hashlib.sha256(data).hexdigest() == archive.sha256 == SHA256[set_name]
    assert archive.bytes == len(data)
    assert archive.origin == "shipped with notmnist_assets"
    assert source.current_sha256(set_name) == source.validator(set_name) == archive.sha256


def test_the_files_are_counted_and_rejected_as_the_readme_says() -> None:
    unreadable = [name for set_name in SETS for name in rejected(Path(SampleSource().fetch(set_name).uri))]
    truth = pd.read_parquet(Path(str(FILES)) / "ground_truth.parquet")
    listed = truth.loc[truth["kind"] == "unreadable", ["set", "letter", "name"]]
    assert sorted(unreadable) == sorted(listed.itertuples(index=False, name=None))
    readme = (project_home() / "README.md").read_text(encoding="utf-8")
    readable = [10 * PER_LETTER[set_name] - sum(name[0] == set_name for name in unreadable) for set_name in SETS]
    assert re.search(r"\| readable files, large and small \| {:,} and {:,} \|".format(*readable), readme)
    assert re.search(rf"\| rejected files \| {len(unreadable)} \|", readme)


def test_a_clone_stays_small() -> None:
    assert sum(path.stat().st_size for path in Path(str(FILES)).iterdir()) < 9_000_000


def test_a_damaged_installation_is_named_with_its_remedy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "SHA256SUMS").write_bytes((FILES / "SHA256SUMS").read_bytes())
    (tmp_path / "notMNIST_small.tar.gz").write_bytes((FILES / "notMNIST_small.tar.gz").read_bytes()[:1000])
    monkeypatch.setattr(sample, "FILES", tmp_path)
    sample._local_path.cache_clear()
    try:
        for method in (SampleSource().fetch, SampleSource().current_sha256):
            with pytest.raises(CurationError, match=r"notMNIST_small\.tar\.gz: .*Install notmnist_assets again"):
                method("small")
    finally:
        sample._local_path.cache_clear()
