"""The declarative way to refresh: whatever is below new bytes is made again, without a timetable.

Belongs here: the condition, which assets have it, and the sensor that evaluates it. The archives have none: nothing
is above them, and whether they changed is asked of their source, by `upstream_watch`, the schedule or a person.
"""

from typing import Final

import dagster as dg

_ROOTS: Final = "archives"
_LETTERS: Final = dg.AssetSelection.groups("letters_large", "letters_small")


def on_new_bytes() -> dg.AutomationCondition[dg.AssetKey]:
    """Return the condition under which an asset is made again, and not more often.

    Its clauses, in order:

    - The bytes of an input changed, in a run that did not make this asset too. Making an input again with the same
      bytes is no reason. Neither is a run that was to make both and failed in between: what failed waits for a person,
      for new bytes, or for the schedule, and is not tried over and over.
    - Or an input is about to be made in this very evaluation; so all that follows is one run, in order, and no asset
      sees half of its inputs new. Letters are the exception: they are made first and alone, what else reads them waits
      for their bytes, and only when one of them really changed does the rest follow. An archive packed anew with the
      same letters stops there.
    - Both count until this asset was asked for, or came out with other bytes: a change that has to wait is not lost.
    - No input is missing, being made, or failed to be made, and this asset is not being made: nothing runs twice, or
      on what is left of a run that broke off.
    - The blocking checks of all inputs passed on what is stored now. Bad bytes are held until good ones arrive.
    """
    condition = dg.AutomationCondition
    changed = condition.data_version_changed() & ~condition.executed_with_root_target()
    about_to_be_made = condition.any_deps_match(condition.will_be_requested())
    broken_off = condition.execution_failed() & ~condition.will_be_requested()
    handled = condition.newly_requested() | condition.data_version_changed() | condition.initial_evaluation()
    return (
        (condition.any_deps_match(changed.with_label("new_bytes_of_another_run")) | about_to_be_made.ignore(_LETTERS))
        .with_label("any_input_has_new_bytes")
        .since(handled.with_label("handled"))
        & ~about_to_be_made.allow(_LETTERS)
        & ~condition.any_deps_missing()
        & ~condition.any_deps_in_progress()
        & ~condition.any_deps_match(broken_off.with_label("broken_off")).with_label("any_input_broken_off")
        & ~condition.in_progress()
        & condition.all_deps_blocking_checks_passed()
    ).with_label("on_new_bytes")


def with_condition(asset: dg.AssetsDefinition) -> dg.AssetsDefinition:
    """Return `asset` with the condition on everything that is made from an archive."""

    def extend(spec: dg.AssetSpec) -> dg.AssetSpec:
        if spec.key.path[0] == _ROOTS:
            return spec
        return spec.replace_attributes(automation_condition=on_new_bytes())

    return asset.map_asset_specs(extend)


react_to_new_data = dg.AutomationConditionSensorDefinition(
    "react_to_new_data",
    target=dg.AssetSelection.all(),
    minimum_interval_seconds=60,
    default_status=dg.DefaultSensorStatus.STOPPED,
    description="Makes what is below new bytes, within minutes: letters first, then everything below a letter that"
    " changed. Held while a blocking check of an input fails; the same bytes made again are no reason. It does not ask"
    " whether an archive changed: that is `upstream_watch`. An alternative to the schedule, harmless beside it.",
)
