"""The logger `materializations`: one line per materialized asset, for runs whose output is not a terminal."""

import logging
import os
import sys
from datetime import datetime
from typing import Final, TextIO

import dagster as dg

LOGGER: Final = "materializations"


class _Handler(logging.StreamHandler[TextIO]):
    """Writes the time, the key and the row count of each materialized asset; ignores all other records."""

    def emit(self, record: logging.LogRecord) -> None:
        """Write the line of a record."""
        event = getattr(record, "dagster_meta", {}).get("dagster_event")
        if isinstance(event, dg.DagsterEvent) and event.event_type == dg.DagsterEventType.ASSET_MATERIALIZATION:
            record.msg, record.args = _line(event), ()
            super().emit(record)


@dg.logger(config_schema={}, description="Prints one line per materialized asset.")
def materializations(_context: dg.InitLoggerContext) -> logging.Logger:
    """Return a logger that prints one line per materialized asset to stdout."""
    logger = logging.Logger(LOGGER, logging.DEBUG)
    logger.addHandler(_Handler(_uncaptured_stdout()))
    return logger


def _line(event: dg.DagsterEvent) -> str:
    time = datetime.now().astimezone().strftime("%H:%M:%S")
    key = event.asset_key.to_user_string() if event.asset_key else ""
    rows = event.step_materialization_data.materialization.metadata.get("dagster/row_count")
    return f"{time} materialized {key}" + (f", {rows.value:,} rows" if rows is not None else "")


def _uncaptured_stdout() -> TextIO:
    """Return a copy of stdout: Dagster redirects the original to a file while steps are executed."""
    try:
        return os.fdopen(os.dup(sys.stdout.fileno()), "w", encoding=sys.stdout.encoding)
    except OSError:  # a stream without file descriptor is not redirected
        return sys.stdout
