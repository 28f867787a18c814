"""The whole graph on one page: assets, checks, job, schedule, sensors, resources."""

from functools import cache

import dagster as dg

from notmnist_assets.assets import (
    archives,
    baselines,
    exports,
    grouped,
    hashes,
    letters,
    overlap,
    report,
    sanitized,
    splits,
)
from notmnist_assets.assets.common import with_common_metadata
from notmnist_assets.assets.inputs import StoredValues
from notmnist_assets.automation import REFRESH_JOB, SENSORS, weekly_refresh
from notmnist_assets.checks import archives as archive_checks
from notmnist_assets.checks import baselines as baseline_checks
from notmnist_assets.checks import drift as drift_checks
from notmnist_assets.checks import exports as export_checks
from notmnist_assets.checks import grouped as grouped_checks
from notmnist_assets.checks import letters as letter_checks
from notmnist_assets.checks import overlap as overlap_checks
from notmnist_assets.checks import published as published_checks
from notmnist_assets.checks import report as report_checks
from notmnist_assets.checks import sanitized as sanitized_checks
from notmnist_assets.checks import splits as split_checks
from notmnist_assets.io_managers import IO_MANAGERS
from notmnist_assets.one_run import one_run_executor
from notmnist_assets.resources import SettingsResource
from notmnist_assets.settings import Settings, read_settings

STAGES = tuple(
    module.STAGE
    for module in (archives, letters, splits, hashes, overlap, sanitized, grouped, baselines, exports, report)
)
DECLARATIONS = {declaration.key: declaration for stage in STAGES for declaration in stage.declarations}
"""What is declared of each asset, by key, in the order of the flow."""
CHECK_STAGES = (
    archive_checks,
    letter_checks,
    split_checks,
    overlap_checks,
    sanitized_checks,
    grouped_checks,
    baseline_checks,
    export_checks,
    report_checks,
    published_checks,
)

SETTINGS = SettingsResource()


@cache
def build_definitions(settings: Settings) -> dg.Definitions:
    """Return the whole graph under these settings."""
    return dg.Definitions(
        assets=with_common_metadata(STAGES, settings),
        asset_checks=[
            *(check for stage in CHECK_STAGES for check in stage.CHECKS),
            *drift_checks.build_checks(STAGES),
        ],
        jobs=[REFRESH_JOB],
        schedules=[weekly_refresh],
        sensors=SENSORS,
        resources={"settings": SETTINGS, "values": StoredValues(settings=SETTINGS), **IO_MANAGERS},
        # One process per run: the work inside a step is parallel, and starting a process costs more than most
        # steps do.
        executor=one_run_executor,
    )


defs = build_definitions(read_settings())
