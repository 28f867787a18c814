"""`archives/large` and `archives/small`: the verified `.tar.gz` files.

Belongs here: getting them from the source that the settings name. How each source works is in `sources`.
"""

from collections.abc import Sequence

import dagster as dg

from notmnist_assets.curation.images import SETS
from notmnist_assets.curation.values import Archive
from notmnist_assets.failures import explained
from notmnist_assets.resources import SettingsResource
from notmnist_assets.sources.choice import source_of
from notmnist_assets.types import ArchiveType

CODE_VERSION = "1"


def _archive_asset(set_name: str) -> dg.AssetsDefinition:
    @dg.asset(
        key=["archives", set_name],
        group_name="archives",
        code_version=CODE_VERSION,
        io_manager_key="archive_io",
        dagster_type=ArchiveType,
        kinds={"gzip"},
        description=(
            f"The {set_name} notMNIST archive, complete and verified before it gets its name. Profile `sample` renders"
            " it; `full` downloads the original and checks its published size and SHA-256; `custom` takes yours and"
            " checks the `SHA256SUMS` beside it, or, without that file, that it is complete."
        ),
    )
    def archive(settings: SettingsResource) -> dg.MaterializeResult[Archive]:
        chosen = settings.read()
        with explained():
            value = source_of(chosen).fetch(set_name)
        return dg.MaterializeResult(
            value=value,
            data_version=dg.DataVersion(value.sha256),
            metadata={
                "bytes": value.bytes,
                "sha256": value.sha256,
                "origin": value.origin,
                "profile": chosen.profile,
            },
        )

    return archive


ASSETS: Sequence[dg.AssetsDefinition] = [_archive_asset(set_name) for set_name in SETS]
