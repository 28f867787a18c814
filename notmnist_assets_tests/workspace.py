"""A workspace for runs of the whole graph: archives, storage and Dagster's history below one folder."""

import io
import shutil
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest.mock import patch

import dagster as dg
import pytest

from notmnist_assets.cli import app, execution
from notmnist_assets.definitions import build_definitions
from notmnist_assets.settings.model import read_settings
from notmnist_assets_tests.instance import write_instance

SIZES = {"NOTMNIST_TRAIN_SIZE": "200", "NOTMNIST_VALID_SIZE": "50", "NOTMNIST_TEST_SIZE": "100"}


@dataclass(frozen=True)
class Ended:
    """The exit code and the output of a command."""

    code: int
    out: str
    err: str


class Workspace:
    """Archives, storage and history below `root`, and the environment variables with their paths."""

    first_run: Ended

    def __init__(self, root: Path) -> None:
        self.root = root / "current"
        self._saved = root / "saved"
        self.archives = self.root / "archives"
        self.storage = self.root / "storage"
        self.home = self.root / "home"
        self.home.mkdir(parents=True)
        write_instance(self.home)

    def enter(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("NOTMNIST_PROFILE", "custom")
        monkeypatch.setenv("NOTMNIST_ARCHIVES", str(self.archives))
        monkeypatch.setenv("NOTMNIST_STORAGE", str(self.storage))
        monkeypatch.setenv("DAGSTER_HOME", str(self.home))
        for name, value in SIZES.items():
            monkeypatch.setenv(name, value)

    def save(self) -> None:
        shutil.copytree(self.root, self._saved)

    def restore(self) -> None:
        shutil.rmtree(self.root)
        shutil.copytree(self._saved, self.root)

    @property
    def definitions(self) -> dg.Definitions:
        return build_definitions(read_settings())

    @contextmanager
    def instance(self) -> Iterator[dg.DagsterInstance]:
        with dg.DagsterInstance.get() as instance:
            yield instance

    def notmnist(self, *arguments: str) -> Ended:
        """Run the command in this process."""
        out, err = io.StringIO(), io.StringIO()
        with patch.object(sys, "argv", ["notmnist", *arguments]), redirect_stdout(out), redirect_stderr(err):
            try:
                app.main()
                code = 0
            except SystemExit as end:
                code = int(end.code or 0)
        return Ended(code, out.getvalue(), err.getvalue())

    def run(
        self,
        keys: Sequence[str],
        run_config: Mapping[str, Any] | None = None,
        definitions: dg.Definitions | None = None,
    ) -> dg.ExecuteInProcessResult:
        """Execute the job `refresh` for some assets."""
        job = (definitions or self.definitions).resolve_job_def("refresh")
        with self.instance() as instance:
            return job.execute_in_process(
                instance=instance,
                asset_selection=[dg.AssetKey(key.split("/")) for key in keys],
                run_config={**QUIET, **(run_config or {})},
                raise_on_error=False,
            )

    def refresh(self) -> execution.Outcome:
        """Materialize what is out of date, as `notmnist run` does."""
        with self.instance() as instance:
            return execution.refresh(instance)

    def runs_recorded(self) -> int:
        """Return the number of runs in the history."""
        with self.instance() as instance:
            return instance.get_runs_count()

    def run_checks(self, key: str, **settings: int) -> None:
        """Execute only the checks of an asset, with these settings."""
        definitions = self.definitions
        with self.instance() as instance:
            dg.materialize(
                [*(definitions.assets or []), *(definitions.asset_checks or [])],  # type: ignore[list-item]
                selection=dg.AssetSelection.checks_for_assets(dg.AssetKey(key.split("/"))),
                resources=definitions.resources,
                instance=instance,
                run_config={**QUIET, "resources": {"settings": {"config": settings}}},
                raise_on_error=False,
            )

    def load(self, key: str) -> Any:
        return self.definitions.load_asset_value(key.split("/"))

    def load_all(self, keys: Sequence[str]) -> dict[str, Any]:
        """Return several values by key, loaded with one loader."""
        with self.instance() as instance, self.definitions.get_asset_value_loader(instance) as loader:
            return {key: loader.load_asset_value(key.split("/")) for key in keys}

    def metadata(self, key: str) -> Mapping[str, dg.MetadataValue[Any]]:
        """Return the metadata of the last materialization."""
        with self.instance() as instance:
            event = instance.get_latest_materialization_event(dg.AssetKey(key.split("/")))
        assert event is not None
        assert event.asset_materialization is not None
        return event.asset_materialization.metadata

    def bytes_stored(self) -> dict[str, bytes]:
        """Return the bytes of every stored file by its path below the storage, without downloads."""
        files = sorted(path for path in self.storage.rglob("*") if path.is_file() and "cache" not in path.parts)
        return {path.relative_to(self.storage).as_posix(): path.read_bytes() for path in files}


QUIET = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}


def keys_of(graph_keys: Sequence[dg.AssetKey] | Mapping[dg.AssetKey, Any]) -> set[str]:
    return {key.to_user_string() for key in graph_keys}
