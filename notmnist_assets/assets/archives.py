"""Defines `archives/large` and `archives/small`: the verified `.tar.gz` files of the source that the settings name."""

from contextlib import nullcontext

import dagster as dg

from notmnist_assets.assets.declaration import Declaration, Stage
from notmnist_assets.assets.sources import SOURCE_KEYS, ObservedSources
from notmnist_assets.assets.value_loader import ValueLoader
from notmnist_assets.cluster import ClusterResource
from notmnist_assets.curation.core import published
from notmnist_assets.curation.core.images import SETS
from notmnist_assets.curation.core.values import Archive
from notmnist_assets.curation.reading.letters import check_archive
from notmnist_assets.curation.summaries.inputs import archive_summary
from notmnist_assets.metadata.display import asset_page
from notmnist_assets.metadata.failures import as_dagster_failure
from notmnist_assets.settings.resource import SettingsResource
from notmnist_assets.sources.choice import is_shared, source_of
from notmnist_assets.storage.types import ArchiveType


def _declaration(set_name: str) -> Declaration:
    return Declaration(
        key=f"archives/{set_name}",
        code_version="2",
        role="raw",
        dagster_type=ArchiveType,
        io_manager="archive_io",
        kinds={"gzip"},
        settings=("profile",),
        guards=("archives",),  # another place with the same bytes is the same archive
        is_endpoint=True,
        description=(
            f"The {set_name} notMNIST archive, complete and verified before it is stored. The profile `sample` reads"
            " it from the package; `full` downloads the original and verifies its published size and SHA-256; `custom`"
            " takes yours and verifies it against the `SHA256SUMS` beside it or, without that file, that it is"
            " complete."
        ),
    )


ARCHIVES = {set_name: _declaration(set_name) for set_name in SETS}


def _archive_asset(set_name: str) -> dg.AssetsDefinition:
    @ARCHIVES[set_name].asset(deps=[SOURCE_KEYS[set_name]])
    def archive(
        settings: SettingsResource,
        values: ValueLoader,
        cluster: ClusterResource,
        observed: ObservedSources,  # noqa: ARG001
    ) -> dg.MaterializeResult[Archive]:
        """Fetch the archive from the source."""
        config = settings.read()
        with as_dagster_failure():
            value = source_of(config).fetch(set_name)
            # An archive that cannot give the letters must not take the place of one that did. The originals can.
            # The first archive is stored with too few images too: the pages of its letters show what was rejected.
            if value.sha256 != published.ARCHIVES[set_name].sha256:
                replaces_another = values.archive_sha256(ARCHIVES[set_name].path) not in (None, value.sha256)
                with cluster.open() if is_shared(config) else nullcontext() as work_map:
                    minimum = config.minimum[set_name] if replaces_another else 0
                    check_archive(value, set_name, minimum, work_map, config.most_paths)
        return dg.MaterializeResult(
            value=value,
            data_version=dg.DataVersion(value.sha256),
            metadata=asset_page(
                archive_summary(set_name, value),
                numbers={"bytes": value.bytes},
                facts={"sha256": value.sha256, "origin": value.origin},
            ),
        )

    return archive


STAGE = Stage(list(ARCHIVES.values()), [_archive_asset(set_name) for set_name in SETS])
