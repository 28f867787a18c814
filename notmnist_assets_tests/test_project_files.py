"""Files about the project agree: versions, what CI runs, what is run before a commit."""

import re
import tomllib
from typing import Any

import yaml

from notmnist_assets.settings.model import project_home

PROJECT = tomllib.loads((project_home() / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def read_yaml(name: str) -> Any:
    return yaml.safe_load((project_home() / name).read_text(encoding="utf-8"))


def test_the_newest_release_has_one_version_and_one_date_everywhere() -> None:
    citation = read_yaml("CITATION.cff")
    changelog = (project_home() / "CHANGELOG.md").read_text(encoding="utf-8")
    unreleased, newest, *_ = re.findall(r"^## \[(.+?)\](?: - (.+))?$", changelog, re.MULTILINE)
    assert unreleased == ("Unreleased", "")
    assert newest == (PROJECT["version"], citation["date-released"])
    assert citation["version"] == PROJECT["version"]
    assert citation["license"] == PROJECT["license"]


def test_each_version_of_the_changelog_links_to_its_changes() -> None:
    changelog = (project_home() / "CHANGELOG.md").read_text(encoding="utf-8")
    versions = re.findall(r"^## \[(.+?)\]", changelog, re.MULTILINE)
    links = dict(re.findall(r"^\[(.+?)\]: (.+)$", changelog, re.MULTILINE))
    assert list(links) == versions
    assert all(link.startswith(PROJECT["urls"]["Repository"]) for link in links.values())


def test_ci_runs_the_projects_own_script_in_bounded_time() -> None:
    (job,) = read_yaml(".github/workflows/ci.yml")["jobs"].values()
    assert [step["run"] for step in job["steps"] if "run" in step] == [".ci/run"]
    assert job["timeout-minutes"] <= 60


def test_before_a_commit_the_linters_of_make_test_run() -> None:
    makefile = (project_home() / "Makefile").read_text(encoding="utf-8")
    recipe = re.search(r"^test:.*\n((?:\t.+\n)+)", makefile, re.MULTILINE)
    assert recipe is not None
    linters = set(re.findall(r"\$\(RUN\) (ruff \w+|mypy)", recipe[1]))
    (local,) = read_yaml(".pre-commit-config.yaml")["repos"]
    assert local["repo"] == "local"
    assert {hook["name"] for hook in local["hooks"]} == linters
    for hook in local["hooks"]:
        assert f" {hook['name']}" in hook["entry"]
