"""Reads the earlier materializations of an asset from the history, and finds the one to compare the last with."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from itertools import islice
from typing import Any, Final, NamedTuple

import dagster as dg

from notmnist_assets.settings.recorded import recorded_settings

_MOST_MATERIALIZATIONS: Final = 30
"""Materializations to read at most: each comes with its pictures."""
_FIRST_PAGE: Final = 2
_PAGE: Final = 10
# A tag that Dagster writes on every materialization; it has no public name for it.
_DATA_VERSION: Final = "dagster/data_version"


class Recorded(NamedTuple):
    """What the history records of a materialization.

    Attributes:
        run_id: its run.
        time: its time in UTC.
        data_version: the data version of its content.
        settings: the settings that decide the content, by field name.
        numbers: its numbers by label, as `recorded_numbers` returns them.
    """

    run_id: str
    time: datetime
    data_version: str | None
    settings: Mapping[str, Any]
    numbers: Mapping[str, float]


class Comparison(NamedTuple):
    """The last materialization of an asset, and the one to compare it with.

    Attributes:
        actual: the last materialization, None if there is none.
        previous: the last one before it with different content and the same settings, None if there is none.
        reason: why `previous` is None; empty if it is not.
    """

    actual: Recorded | None
    previous: Recorded | None
    reason: str


def compare_with_history(
    instance: dg.DagsterInstance, key: dg.AssetKey, guards: Collection[str] = (), table: str = ""
) -> Comparison:
    """Return the last materialization of an asset and the one to compare it with.

    Args:
        instance: the history.
        key: the asset.
        guards: settings of the asset, by field name, that may differ because they do not change its content.
        table: label of a table whose counts are compared too.
    """
    history = islice(_history(instance, key, guards, table), _MOST_MATERIALIZATIONS)
    actual = next(history, None)
    if actual is None:
        return Comparison(None, None, "the asset was never materialized")
    earlier, different = 0, None
    for recorded in history:
        earlier += 1
        if recorded.data_version == actual.data_version:
            continue
        if recorded.settings == actual.settings:
            return Comparison(actual, recorded, "")
        different = different or recorded
    if not earlier:
        return Comparison(actual, None, "this is the first materialization")
    if different is None:
        return Comparison(actual, None, f"the content has not changed in the last {earlier + 1} materializations")
    if not different.settings:
        return Comparison(actual, None, "the settings of earlier content were not recorded")
    changes = _differences(different, actual)
    return Comparison(actual, None, f"earlier content was materialized with different settings: {changes}")


def _differences(before: Recorded, actual: Recorded) -> str:
    names = sorted({*before.settings, *actual.settings})
    values = [(name, before.settings.get(name), actual.settings.get(name)) for name in names]
    return ", ".join(f"{name} {old}, now {new}" for name, old, new in values if old != new)


def _history(instance: dg.DagsterInstance, key: dg.AssetKey, guards: Collection[str], table: str) -> Iterator[Recorded]:
    """Yield the materializations of an asset, newest first; further pages are read only when needed."""
    page = instance.fetch_materializations(key, limit=_FIRST_PAGE)
    yield from _recorded(page.records, guards, table)
    while page.has_more:
        page = instance.fetch_materializations(key, limit=_PAGE, cursor=page.cursor)
        yield from _recorded(page.records, guards, table)


def _recorded(records: Sequence[dg.EventLogRecord], guards: Collection[str], table: str) -> Iterator[Recorded]:
    for record in records:
        materialization = record.asset_materialization
        if materialization is None:
            continue
        settings = recorded_settings(materialization.metadata)
        yield Recorded(
            record.run_id,
            datetime.fromtimestamp(record.timestamp, UTC),
            (materialization.tags or {}).get(_DATA_VERSION),
            {name: value for name, value in settings.items() if name not in guards},
            recorded_numbers(materialization.metadata, table),
        )


def recorded_numbers(metadata: Mapping[str, object], table: str) -> dict[str, float]:
    """Return the numeric metadata of a materialization by label, and the counts in the table with the label `table`."""
    numbers = {
        label: float(value.value)
        for label, value in metadata.items()
        if isinstance(value, dg.IntMetadataValue | dg.FloatMetadataValue) and value.value is not None
    }
    counts = metadata.get(table)
    if isinstance(counts, dg.TableMetadataValue):
        first, *others = (column.name for column in counts.schema.columns)
        for record in counts.records:
            for column in others:
                if isinstance(count := record.data[column], int):
                    numbers[f"{column} of {record.data[first]}"] = float(count)
    return numbers
