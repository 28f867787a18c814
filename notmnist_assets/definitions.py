"""Assembles the Dagster definitions: assets, checks, job, schedule, sensors and resources."""

from collections.abc import Mapping
from functools import cache
from typing import Any

import dagster as dg

from notmnist_assets.assets import (
    archives,
    baselines,
    exports,
    grouped,
    hashes,
    labels,
    letters,
    overlap,
    report,
    sanitized,
    splits,
)
from notmnist_assets.assets.common import with_common_metadata
from notmnist_assets.assets.sources import SOURCES, ObservedSources
from notmnist_assets.assets.value_loader import ValueLoader
from notmnist_assets.automation import CHECKS_JOB, REFRESH_JOB, SENSORS, weekly_refresh
from notmnist_assets.checks import archives as archive_checks
from notmnist_assets.checks import baselines as baseline_checks
from notmnist_assets.checks import drift as drift_checks
from notmnist_assets.checks import exports as export_checks
from notmnist_assets.checks import gallery as gallery_checks
from notmnist_assets.checks import grouped as grouped_checks
from notmnist_assets.checks import labels as label_checks
from notmnist_assets.checks import letters as letter_checks
from notmnist_assets.checks import overlap as overlap_checks
from notmnist_assets.checks import published as published_checks
from notmnist_assets.checks import report as report_checks
from notmnist_assets.checks import sanitized as sanitized_checks
from notmnist_assets.checks import splits as split_checks
from notmnist_assets.cluster import ClusterResource
from notmnist_assets.runs.executor import step_executor
from notmnist_assets.runs.lock import OneRun
from notmnist_assets.runs.materialization_log import LOGGER, materializations
from notmnist_assets.settings.deployment import Place, place_of_steps
from notmnist_assets.settings.model import Settings, read_settings
from notmnist_assets.settings.resource import SETTINGS, SettingsResource
from notmnist_assets.storage.io_managers import io_managers

STAGES = tuple(
    module.STAGE
    for module in (archives, letters, splits, hashes, overlap, sanitized, grouped, labels, baselines, exports, report)
)
DECLARATIONS = {declaration.key: declaration for stage in STAGES for declaration in stage.declarations}
"""The declaration of each asset by key, in the order of the flow."""
CHECK_STAGES = (
    archive_checks,
    letter_checks,
    split_checks,
    overlap_checks,
    sanitized_checks,
    grouped_checks,
    label_checks,
    baseline_checks,
    export_checks,
    report_checks,
    gallery_checks,
)
OPTIONAL_CHECK_STAGES = (split_checks, overlap_checks, grouped_checks, published_checks)
"""Modules with checks that exist only with some settings."""


def build_definitions(settings: Settings, resources: Mapping[str, Any] | None = None) -> dg.Definitions:
    """Return the Dagster definitions.

    Args:
        settings: part of the code versions, so that Dagster marks assets as unsynced when a setting changes; they also
            decide which optional checks exist.
        resources: resources by key that replace the default ones, for tests and other deployments, such as
            `{"settings": SettingsResource(storage="s3://bucket/values")}` or an IO manager under the key of its kind.
            Default resources that need `settings` or `one_run` use the replacement.
    """
    place = place_of_steps()
    return _assemble(settings, place, resources) if resources else _default_definitions(settings, place)


@cache
def _default_definitions(settings: Settings, place: Place) -> dg.Definitions:
    return _assemble(settings, place, {})


def _assemble(settings: Settings, place: Place, resources: Mapping[str, Any]) -> dg.Definitions:
    shared = {SETTINGS: SettingsResource(), "one_run": OneRun(), **resources}
    return dg.Definitions(
        assets=[*SOURCES, *with_common_metadata(STAGES, settings)],
        asset_checks=[
            *(check for stage in CHECK_STAGES for check in stage.CHECKS),
            *drift_checks.build_checks(STAGES),
            *(check for stage in OPTIONAL_CHECK_STAGES for check in stage.optional_checks(settings)),
        ],
        jobs=[REFRESH_JOB, CHECKS_JOB],
        schedules=[weekly_refresh],
        sensors=SENSORS,
        resources={
            "values": ValueLoader(settings=shared[SETTINGS]),
            "cluster": ClusterResource(settings=shared[SETTINGS]),
            "observed": ObservedSources(settings=shared[SETTINGS]),
            **io_managers(shared[SETTINGS], shared["one_run"]),
            **shared,
        },
        loggers={"console": dg.colored_console_logger, LOGGER: materializations},
        executor=step_executor(place),
    )


defs = build_definitions(read_settings())
