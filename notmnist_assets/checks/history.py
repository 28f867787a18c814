"""What earlier materializations of an asset recorded, and which of them a refresh is to be compared with.

Belongs here: reading the instance's history for checks. What is compared is in the checks.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from itertools import islice
from typing import Any, Final, NamedTuple

import dagster as dg

from notmnist_assets.settings.recorded import COMPARED, recorded_settings

_LOOK_BACK: Final = 30
"""Materializations to read at most: each comes with its pictures."""
_FIRST_PAGE: Final = 2
_PAGE: Final = 10
# A tag that Dagster writes on every materialization; it has no public name for it.
_DATA_VERSION: Final = "dagster/data_version"


class Recorded(NamedTuple):
    """What a materialization recorded.

    Attributes:
        run_id: the run that made it.
        time: when.
        data_version: identity of the content.
        settings: those that decide the content, by name.
        numbers: its numeric metadata by label, the ones that Dagster plots.
    """

    run_id: str
    time: datetime
    data_version: str | None
    settings: Mapping[str, Any]
    numbers: Mapping[str, float]


class Comparison(NamedTuple):
    """The last materialization of an asset, and the one to compare it with.

    Attributes:
        actual: the last one; None when the asset was never made.
        previous: the last one before it that has other content and was made with the same settings.
        reason: why there is no `previous`, in words; empty when there is one.
    """

    actual: Recorded | None
    previous: Recorded | None
    reason: str


def compare_with_history(instance: dg.DagsterInstance, key: dg.AssetKey) -> Comparison:
    """Return the last materialization and the one to compare it with."""
    history = islice(_history(instance, key), _LOOK_BACK)
    actual = next(history, None)
    if actual is None:
        return Comparison(None, None, "the asset was never made")
    earlier, other = 0, None
    for recorded in history:
        earlier += 1
        if recorded.data_version == actual.data_version:
            continue
        if recorded.settings == actual.settings:
            return Comparison(actual, recorded, "")
        other = other or recorded
    if not earlier:
        return Comparison(actual, None, "this is the first materialization")
    if other is None:
        return Comparison(actual, None, f"the content has not changed in the last {earlier + 1} materializations")
    if not other.settings:
        return Comparison(actual, None, "nothing says with which settings other content was made")
    return Comparison(actual, None, f"other content was made with other settings: {_differences(other, actual)}")


def _differences(other: Recorded, actual: Recorded) -> str:
    names = sorted({*other.settings, *actual.settings})
    pairs = [(name, other.settings.get(name), actual.settings.get(name)) for name in names]
    return ", ".join(f"{name} {before}, now {now}" for name, before, now in pairs if before != now)


def _history(instance: dg.DagsterInstance, key: dg.AssetKey) -> Iterator[Recorded]:
    """Yield the materializations of an asset, newest first, read as needed."""
    page = instance.fetch_materializations(key, limit=_FIRST_PAGE)
    yield from _recorded(page.records)
    while page.has_more:
        page = instance.fetch_materializations(key, limit=_PAGE, cursor=page.cursor)
        yield from _recorded(page.records)


def _recorded(records: Sequence[dg.EventLogRecord]) -> Iterator[Recorded]:
    for record in records:
        materialization = record.asset_materialization
        if materialization is None:
            continue
        yield Recorded(
            record.run_id,
            datetime.fromtimestamp(record.timestamp, UTC),
            (materialization.tags or {}).get(_DATA_VERSION),
            recorded_settings(materialization.metadata, COMPARED),
            {
                label: float(value.value)
                for label, value in materialization.metadata.items()
                if isinstance(value, dg.IntMetadataValue | dg.FloatMetadataValue) and value.value is not None
            },
        )
