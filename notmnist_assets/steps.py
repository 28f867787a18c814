"""What a step of a run is about, in words that people know: asset keys, in place of Dagster's names for steps.

Belongs here: naming. Where the names are shown is in `runs` (failures) and `terminal` (progress bars).
"""

from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from itertools import takewhile

import dagster as dg


def steps_in_words(definitions: dg.Definitions, chosen: AbstractSet[dg.AssetKey]) -> Mapping[str, str]:
    """Return by Dagster's name each step of a run that makes the chosen assets, in words."""
    named = {}
    for step in (*(definitions.assets or ()), *(definitions.asset_checks or ())):
        if isinstance(step, dg.AssetsDefinition):
            checks = [check for check in step.check_keys if check.asset_key in chosen]
            if words := step_in_words(step.keys & chosen, checks):
                named[step.op.name] = words
    return named


def current_step_in_words() -> str:
    """Return the step whose code is being executed, in words; nothing when none is."""
    try:
        context = dg.OpExecutionContext.get()
    except dg.DagsterInvariantViolationError:
        return ""
    return step_in_words(context.selected_asset_keys, context.selected_asset_check_keys)


def step_in_words(made: Iterable[dg.AssetKey], checked: Iterable[dg.AssetCheckKey]) -> str:
    """Return what a step makes, such as `letters/large`, else what it checks, such as `checks of splits`."""
    if words := _in_common(made):
        return words
    checked = list(checked)
    if not checked:
        return ""
    names = {check.name for check in checked}
    checks = f"check {names.pop()}" if len(names) == 1 else "checks"
    return f"{checks} of {_in_common(check.asset_key for check in checked)}"


def _in_common(keys: Iterable[dg.AssetKey]) -> str:
    """Return what all keys of a group begin with, group by group."""
    groups: dict[str, list[Sequence[str]]] = {}
    for key in keys:
        groups.setdefault(key.path[0], []).append(key.path)
    *others, last = [_beginning(groups[name]) for name in sorted(groups)] or [""]
    return f"{', '.join(others)} and {last}" if others else last


def _beginning(paths: Sequence[Sequence[str]]) -> str:
    levels = takewhile(lambda names: len(set(names)) == 1, zip(*paths, strict=False))
    return "/".join(names[0] for names in levels)
