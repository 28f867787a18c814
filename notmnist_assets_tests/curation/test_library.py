"""The public names of the library: each is found, documented and usable without Dagster."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from notmnist_assets import curation
from notmnist_assets.settings.model import project_home
from notmnist_assets_tests.documents import Document

HEAVY = {"pandas", "numba", "sklearn", "scipy", "pyarrow", "PIL", "dagster"}
COUNTS = """
import json, runpy, sys
names = runpy.run_path(sys.argv.pop())
pixels = {name: [image.tobytes() for image in split.images] for name, split in names["splits"].items()}
earlier = {*pixels["train"], *pixels["valid"]}
letters = [list(by_letter.values()) for by_letter in names["letters"].values()]
overlap = names["overlap_report"](names["index"])
counts = {
    "modules": list(sys.modules),
    "readable": [sum(map(len, parts)) for parts in letters],
    "rejected": sum(len(one.rejected) for parts in letters for one in parts),
    "rows": {name: len(split) for name, split in names["splits"].items()},
    "shared": {"/".join(row[:3]): row[3] for row in overlap.itertuples(index=False)},
    "distinct": len(set(pixels["test"])),
    "unshared": sum(image not in earlier for image in pixels["test"]),
    "sanitized": {name: len(split) for name, split in names["sanitized"].items()},
}
print(json.dumps(counts))
"""


@pytest.mark.parametrize("name", curation.__all__)
def test_a_public_name_is_that_of_its_module(name: str) -> None:
    value = getattr(curation, name)
    module = sys.modules[f"{curation.__name__}.{curation._MODULE_OF[name]}"]
    assert value is getattr(module, curation._NAME_IN_MODULE.get(name, name))
    if callable(value):
        assert (value.__doc__ or "").strip()


def test_the_documented_names_are_the_public_ones_with_their_modules() -> None:
    modules: dict[str, str] = {}
    for names, what, module in Document("docs/library.md").table("name"):
        assert what
        for name in re.findall(r"`(\w+)`", names):
            assert name not in modules
            modules[name] = module
    assert set(modules) == set(curation.__all__) == set(curation._MODULE_OF)
    for name, module in modules.items():
        assert f"`{curation._MODULE_OF[name]}`" in module, name


def test_an_unknown_name_is_no_attribute() -> None:
    with pytest.raises(AttributeError, match="nothing"):
        _ = curation.nothing


def test_names_are_listed_before_they_are_imported() -> None:
    assert set(curation.__all__) <= set(dir(curation))


def test_importing_the_library_imports_no_large_package() -> None:
    code = "import sys, notmnist_assets.curation; print(*sys.modules)"
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert set(ended.stdout.split()) & HEAVY == set()


def test_the_example_finds_the_results_of_the_readme_without_dagster(tmp_path: Path) -> None:
    example = project_home() / "examples" / "library.py"
    ended = subprocess.run(
        [sys.executable, "-c", COUNTS, example],
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
        timeout=240,
    )
    assert ended.returncode == 0, ended.stderr
    found = json.loads(ended.stdout.splitlines()[-1])
    assert "dagster" not in found["modules"]
    rows, shared = found["rows"], found["shared"]
    large, small = found["readable"]
    assert {row[0]: row[1] for row in Document("README.md").table("")} == {
        "readable files, large and small": f"{large:,} and {small:,}",
        "rejected files": f"{found['rejected']}",
        "valid rows whose pixels are in train": f"{shared['exact/valid/train']} of {rows['valid']:,}",
        "test rows whose pixels are in train": f"{shared['exact/test/train']} of {rows['test']:,}",
        "test rows whose pixels are in valid": f"{shared['exact/test/valid']} of {rows['test']:,}",
        "different images in test": f"{found['distinct']:,}",
        "test rows whose pixels are in neither": f"{found['unshared']:,}",
        "test rows within the radius of a train row": f"{shared['near/test/train']} of {rows['test']:,}",
        "test rows left after sanitizing": f"{found['sanitized']['test']:,}",
    }
