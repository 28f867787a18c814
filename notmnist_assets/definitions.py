"""The whole house on one page: assets, checks, job, schedule, sensors, resources.

Belongs here: assembly only. Archives become letters, letters become splits; splits are hashed and compared, cleaned
of what leaks, and scored.
"""

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
from notmnist_assets.automation import REFRESH_JOB, SENSORS, weekly_refresh, with_condition
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
from notmnist_assets.describing import described
from notmnist_assets.io_managers import IO_MANAGERS
from notmnist_assets.one_run import one_run_executor
from notmnist_assets.resources import SettingsResource
from notmnist_assets.settings import Settings, read_settings
from notmnist_assets.versions import with_settings

STAGES = (archives, letters, splits, hashes, overlap, sanitized, grouped, baselines, exports, report)
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
    drift_checks,
    published_checks,
)


@cache
def build_definitions(settings: Settings) -> dg.Definitions:
    """Return the whole house; the settings become part of the code versions, so that a changed one is seen."""
    return dg.Definitions(
        assets=[
            with_condition(described(with_settings(asset, settings), settings, place))
            for place, stage in enumerate(STAGES, start=1)
            for asset in stage.ASSETS
        ],
        asset_checks=[check for stage in CHECK_STAGES for check in stage.CHECKS],
        jobs=[REFRESH_JOB],
        schedules=[weekly_refresh],
        sensors=SENSORS,
        resources={"settings": SettingsResource(), **IO_MANAGERS},
        # One process per run: the work inside a step is parallel, and starting a process costs more than most
        # steps do.
        executor=one_run_executor,
    )


defs = build_definitions(read_settings())
