"""Names steps of a run by the assets that they materialize or check, for progress bars and messages about failures."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from itertools import takewhile

import dagster as dg


def step_names(steps: Sequence[dg.AssetsDefinition], selected: AbstractSet[dg.AssetKey]) -> Mapping[str, str]:
    """Return a name for each step of a run that materializes or checks the selected assets, by Dagster's step key."""
    checks_of = {step.op.name: [key for key in step.check_keys if key.asset_key in selected] for step in steps}
    named = {step.op.name: step_name(step.keys & selected, checks_of[step.op.name]) for step in steps}
    times = Counter(named.values())
    return {
        step: name if times[name] == 1 else step_name((), checks_of[step], name_all=True)
        for step, name in named.items()
        if name
    }


def current_step_name() -> str:
    """Return the name of the step that is being executed; empty outside a step."""
    try:
        context = dg.OpExecutionContext.get()
    except dg.DagsterInvariantViolationError:
        return ""
    return step_name(context.selected_asset_keys, context.selected_asset_check_keys)


def step_name(assets: Iterable[dg.AssetKey], checks: Iterable[dg.AssetCheckKey], *, name_all: bool = False) -> str:
    """Return a name such as `letters/large` for a step that materializes assets, else such as `checks of splits`.

    Args:
        assets: the assets that the step materializes.
        checks: the checks that it executes.
        name_all: name each check instead of summarizing them as `checks`.
    """
    if prefixes := _common_prefixes(assets):
        return prefixes
    checks = list(checks)
    if not checks:
        return ""
    names = sorted({check.name for check in checks})
    plural = f"checks {', '.join(names)}" if name_all else "checks"
    prefixes = _common_prefixes(check.asset_key for check in checks)
    return f"{plural if len(names) > 1 else f'check {names[0]}'} of {prefixes}"


def _common_prefixes(keys: Iterable[dg.AssetKey]) -> str:
    """Return the common prefix of the keys of each group, joined by commas and "and"."""
    groups: dict[str, list[Sequence[str]]] = {}
    for key in keys:
        groups.setdefault(key.path[0], []).append(key.path)
    *others, last = [_common_prefix(groups[name]) for name in sorted(groups)] or [""]
    return f"{', '.join(others)} and {last}" if others else last


def _common_prefix(paths: Sequence[Sequence[str]]) -> str:
    levels = takewhile(lambda names: len(set(names)) == 1, zip(*paths, strict=False))
    return "/".join(names[0] for names in levels)
