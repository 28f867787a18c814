"""Defines `sources/large` and `sources/small`: the archives where they come from, which are observed, not stored."""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import dagster as dg

from notmnist_assets.curation.core.errors import CurationError
from notmnist_assets.curation.core.images import SETS
from notmnist_assets.metadata.failures import as_dagster_failure
from notmnist_assets.settings.model import Settings
from notmnist_assets.settings.resource import SettingsResource
from notmnist_assets.sources.deadlines import run_within
from notmnist_assets.sources.observation import archive_version

GROUP: Final = "sources"
SOURCE_KEYS: Final = {set_name: dg.AssetKey([GROUP, set_name]) for set_name in SETS}
_SECONDS: Final = 30.0
"""Time limit for the answer of a source."""
# A tag that Dagster writes on observations with a data version; it has no public name for it.
_DATA_VERSION: Final = "dagster/data_version"


def _source_asset(set_name: str) -> dg.SourceAsset:
    @dg.observable_source_asset(
        key=SOURCE_KEYS[set_name],
        group_name=GROUP,
        tags={"role": "source", "stage": f"00-{GROUP}", "set": set_name},
        description=(
            f"The {set_name} archive at its source: in the package (profile `sample`), in a folder or on a server."
            " **Observe** asks for its version and transfers nothing: the SHA-256 of a file, or what a server says of"
            f" it (ETag, date, size, SHA256SUMS). If it changed, `archives/{set_name}` is marked as unsynced. Each run"
            " that materializes the archive observes it first, and so does the sensor `upstream_watch`."
        ),
    )
    def source(settings: SettingsResource) -> dg.ObserveResult:
        """Ask for the version of the archive."""
        with as_dagster_failure():
            version = _ask(settings.read(), set_name)
        return dg.ObserveResult(data_version=dg.DataVersion(version), metadata={"version": version})

    return source


def _ask(settings: Settings, set_name: str) -> str:
    try:
        return run_within(_SECONDS, lambda _: archive_version(settings, set_name))
    except TimeoutError as error:
        raise CurationError(
            f"the source sent {error}.",
            subject=f"sources/{set_name}",
            remedy="Observe it again later, or use another source (NOTMNIST_ARCHIVES).",
        ) from error


def observe(instance: dg.DagsterInstance, settings: Settings, set_name: str) -> None:
    """Record an observation of a source if its archive changed since the last one.

    Raises:
        CurationError: the source does not answer.
    """
    key = SOURCE_KEYS[set_name]
    version = _ask(settings, set_name)
    last = instance.fetch_observations(key, limit=1).records
    observation = last[0].asset_observation if last else None
    if observation is None or observation.tags.get(_DATA_VERSION) != version:
        instance.report_runless_asset_event(
            dg.AssetObservation(key, metadata={"version": version}, tags={_DATA_VERSION: version})
        )


class ObservedSources(dg.ConfigurableResource["ObservedSources"]):
    """Observes the sources before the first step of a run that materializes archives.

    Dagster compares a later observation with the one that was the last when the step began. Without one, the first
    observation would mark an unchanged archive as unsynced.
    """

    settings: dg.ResourceDependency[SettingsResource]

    @contextmanager
    def yield_for_execution(self, context: dg.InitResourceContext) -> Iterator["ObservedSources"]:
        """Observe the sources of the archives that the run materializes; outside a run, do nothing."""
        instance, run = context.instance, context.run
        if instance is not None and run is not None:
            for set_name in SETS:
                key = dg.AssetKey(["archives", set_name])
                if run.asset_selection is None or key in run.asset_selection:
                    try:
                        observe(instance, self.settings.read(), set_name)
                    except CurationError as error:
                        # The step of the archive fails with the same error.
                        if context.log is not None:
                            context.log.warning(str(error))
        yield self


with warnings.catch_warnings():
    # Observable assets are a beta feature of Dagster; its warning is of no use to users of this package.
    warnings.simplefilter("ignore", dg.BetaWarning)
    SOURCES: Final = [_source_asset(set_name) for set_name in SETS]
