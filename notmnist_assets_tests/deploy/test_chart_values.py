"""The values of the Helm chart have the keys and types that Dagster's chart has, and no others."""

from collections.abc import Iterator
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator, ValidationError

from notmnist_assets_tests.deploy.test_configuration import KUBERNETES, read

SCHEMA = Draft202012Validator(read(Path(__file__).with_name("chart.schema.yaml")))
VALUES = read(KUBERNETES / "values.yaml")
Keys = tuple[str | int, ...]


def paths(values: Any, above: Keys = ()) -> Iterator[Keys]:
    """Yield the path of each value, from the outermost key."""
    for key, value in values.items() if isinstance(values, dict) else enumerate(values):
        yield (*above, key)
        if isinstance(value, dict | list):
            yield from paths(value, (*above, key))


def holder(values: Any, path: Keys) -> Any:
    """Return the object that has the last key of a path."""
    for key in path[:-1]:
        values = values[key]
    return values


def test_the_chart_has_every_key_of_the_values() -> None:
    SCHEMA.check_schema(SCHEMA.schema)
    SCHEMA.validate(VALUES)


@pytest.mark.parametrize("path", [path for path in paths(VALUES) if isinstance(path[-1], str)], ids=str)
def test_a_misspelt_key_and_a_wrong_type_are_refused(path: Keys) -> None:
    misspelt, wrong = deepcopy(VALUES), deepcopy(VALUES)
    owner = holder(misspelt, path)
    owner[f"{path[-1]}s"] = owner.pop(path[-1])
    with pytest.raises(ValidationError):
        SCHEMA.validate(misspelt)
    holder(wrong, path)[path[-1]] = 0.5
    with pytest.raises(ValidationError):
        SCHEMA.validate(wrong)
