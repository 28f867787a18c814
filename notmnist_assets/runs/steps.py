"""What a step of a run is about, in words that people know: asset keys, in place of Dagster's names for steps.

Belongs here: naming. Where the names are shown is in `runs` and `automation` (failures) and `terminal` (bars).
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from itertools import takewhile

import dagster as dg


def step_names(steps: Sequence[dg.AssetsDefinition], chosen: AbstractSet[dg.AssetKey]) -> Mapping[str, str]:
    """Return by Dagster's name each step of a run that makes or checks the chosen assets, in words of its own."""
    checks_of = {step.op.name: [key for key in step.check_keys if key.asset_key in chosen] for step in steps}
    named = {step.op.name: step_name(step.keys & chosen, checks_of[step.op.name]) for step in steps}
    times = Counter(named.values())
    return {
        name: words if times[words] == 1 else step_name((), checks_of[name], name_all=True)
        for name, words in named.items()
        if words
    }


def current_step_name() -> str:
    """Return the step whose code is being executed, in words; nothing when none is."""
    try:
        context = dg.OpExecutionContext.get()
    except dg.DagsterInvariantViolationError:
        return ""
    return step_name(context.selected_asset_keys, context.selected_asset_check_keys)


def step_name(made: Iterable[dg.AssetKey], checked: Iterable[dg.AssetCheckKey], *, name_all: bool = False) -> str:
    """Return what a step makes, such as `letters/large`, else what it checks, such as `checks of splits`.

    With `name_all` several checks are called by their names too.
    """
    if words := _in_common(made):
        return words
    checked = list(checked)
    if not checked:
        return ""
    names = sorted({check.name for check in checked})
    several = f"checks {', '.join(names)}" if name_all else "checks"
    return f"{several if len(names) > 1 else f'check {names[0]}'} of {_in_common(check.asset_key for check in checked)}"


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
