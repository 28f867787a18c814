"""Summaries of duplicates, sanitized and grouped splits, and baselines."""

from collections.abc import Mapping

import pandas as pd

from notmnist_assets.curation.baselines.evaluation import of_first_model
from notmnist_assets.curation.core.wording import counted
from notmnist_assets.curation.splitting.splits import SPLITS
from notmnist_assets.curation.summaries.text import asset_link, bold, outside_text, percent, summary


def near_pairs_summary(pairs: int, images: int, seen_before: int, radius: float, complete: float | None = None) -> str:
    """Say how many pairs a near search found among how many distinct images.

    Args:
        pairs: pairs within the search radius.
        images: distinct images.
        seen_before: images whose pairs a stored search knew.
        radius: search radius in units of 255.
        complete: radius up to which all images were searched; None if up to the search radius.
    """
    return summary(
        f"{bold(counted(pairs, 'pair'))} among {counted(images, 'distinct image')} are at most {radius:g} apart (sum of"
        " absolute pixel differences / 255). None is missed."
        if complete is None
        else f"{bold(counted(pairs, 'pair'))} were found among {counted(images, 'distinct image')}: all at most"
        f" {complete:g} apart (sum of absolute pixel differences / 255), and of a sample, from which this radius is"
        f" chosen, those at most {radius:g} apart.",
        f"{counted(images - seen_before, 'image')} of these were new and compared with all others."
        if seen_before
        else "All images were compared with each other.",
        f"Next: {asset_link('overlap/radius')} chooses the distance up to which pairs count as near duplicates.",
    )


def radius_summary(curve: pd.DataFrame, used: float, why: str) -> str:
    """Say which radius is used, how it was chosen, and how many pairs are within it.

    Args:
        curve: the result of `duplicates.pair_table.radius_table`.
        used: the radius in use.
        why: how it was chosen, as a part of a sentence.
    """
    within = curve[curve["radius"] <= used].tail(1)
    pairs, share = (int(within["pairs"].iloc[0]), float(within["share"].iloc[0])) if len(within) else (0, 0.0)
    return summary(
        f"Images at most {bold(f'{used:g}')} apart count as near duplicates (sum of absolute pixel differences / 255).",
        f"How it was chosen: {outside_text(why, longest=200)}.",
        ""
        if percent(share) in why
        else f"{counted(pairs, 'pair')} of distinct images {'is' if pairs == 1 else 'are'} within it;"
        f" {percent(share)} of them have different letters.",
        "Next: look at the pairs just inside and just outside: where do different letters begin?"
        f" {asset_link('overlap/report')} counts the leaks, and {asset_link('overlap/recall')} says what is missed.",
    )


def overlap_summary(counts: pd.DataFrame, radius: float, fonts: pd.DataFrame) -> str:
    """Say which share of the evaluation rows is also in train, and what to use instead.

    Args:
        counts: the result of `duplicates.overlap.overlap_report`.
        radius: the radius in use, in units of 255.
        fonts: the result of `duplicates.overlap.font_leakage`.
    """
    in_train = counts[counts["found_in"] == "train"].set_index(["method", "rows_of"])
    shares, numbers = in_train["share"].to_dict(), in_train["rows"].to_dict()

    def share(method: str, rows_of: str) -> str:
        return percent(float(shares[method, rows_of]))

    def rows(method: str, rows_of: str) -> str:
        return f"{int(numbers[method, rows_of]):,}"

    of_fonts = fonts.set_index("rows_of")["share"]
    return summary(
        f"{bold(share('near', 'test'))} of the test rows ({rows('near', 'test')}) are also in train within the radius"
        f" {radius:g}; {share('exact', 'test')} ({rows('exact', 'test')}) with equal pixels.",
        f"Of the valid rows: {share('near', 'valid')} ({rows('near', 'valid')}) and {share('exact', 'valid')}"
        f" ({rows('exact', 'valid')}).",
        f"{percent(float(of_fonts['test']))} of the test rows are of fonts that also have letters in train."
        if "test" in of_fonts
        else "",
        f"Next: evaluate on {asset_link('sanitized/test')} or {asset_link('grouped/test')} instead;"
        f" {asset_link('sanitized/removed')} lists the rows.",
    )


def conflicts_summary(conflicts: pd.DataFrame) -> str:
    """Say how many groups of equal and of near images have different letters.

    Args:
        conflicts: the result of `duplicates.overlap.label_conflicts`.
    """
    groups = conflicts.groupby("method")["group"].nunique()
    exact, near = (int(groups.get(method, 0)) for method in ("exact", "near"))
    return summary(
        f"{bold(counted(exact, 'group'))} of equal images and {counted(near, 'group')} of near images have different"
        " letters.",
        "At least one label of each group is wrong, or the image is no letter."
        if exact or near
        else "No image was found under two letters.",
        f"Next: look at the groups below. NOTMNIST\\_SANITIZE\\_CONFLICTS decides which of their rows"
        f" {asset_link('sanitized/removed')} removes."
        if exact or near
        else f"Next: {asset_link('labels/issues')} judges every label, also of images without a duplicate.",
    )


def recall_summary(recall: pd.DataFrame, radius: float) -> str:
    """Say which share of planted duplicates the methods find.

    Args:
        recall: the result of `duplicates.recall.recall_table`.
        radius: the radius in use, in units of 255.
    """
    totals = recall.groupby("method", sort=False)[["found", "planted"]].sum()
    shares = totals["found"] / totals["planted"]
    others = [f"{method} {percent(float(share))}" for method, share in shares.items() if method != "near"]
    near = recall[recall["method"] == "near"].sort_values("recall", kind="stable")
    worst = f"{near['perturbation'].iloc[0]} {near['strength'].iloc[0]:g}" if len(near) else ""
    return summary(
        f"The search within the radius {radius:g} finds {bold(percent(float(shares.get('near', 0.0))))} of the planted"
        " copies.",
        f"Other methods: {', '.join(others)}.",
        f"Hardest for it: {worst} ({percent(float(near['recall'].iloc[0]))} found)." if len(near) else "",
        f"Copies that change more than the radius stay in {asset_link('sanitized/test')}; the chart shows which.",
    )


def removed_summary(rows: Mapping[str, int], removed: pd.DataFrame) -> str:
    """Say how many rows sanitizing removed from each split, and why.

    Args:
        rows: rows of the splits before sanitizing.
        removed: the removed rows with `split` and `reason`.
    """
    total, share = len(removed), len(removed) / max(sum(rows.values()), 1)
    by_split = removed["split"].value_counts()
    reasons = removed["reason"].value_counts()
    return summary(
        f"{bold(counted(total, 'row'))} of {sum(rows.values()):,} ({percent(share)}) were removed: "
        + ", ".join(f"{int(by_split.get(name, 0)):,} of {asset_link(f'sanitized/{name}', name)}" for name in rows)
        + ".",
        f"Reasons: {', '.join(f'{outside_text(str(reason))} ({count:,})' for reason, count in reasons.items())}."
        if total
        else "",
        f"Next: look at the pictures, or browse all rows in {asset_link('report/gallery')}. The settings"
        " NOTMNIST\\_SANITIZE\\_... change the rules.",
    )


def clean_summary(group: str, name: str, rows: int, before: int, how: str) -> str:
    """Say how many rows a sanitized or grouped split has.

    Args:
        group: sanitized or grouped.
        name: train, valid or test.
        rows: its rows.
        before: rows of the split before sanitizing.
        how: what was done, as a sentence.
    """
    difference = f"{before - rows:,} fewer" if rows < before else "as many"
    earlier = SPLITS[: SPLITS.index(name)]
    return summary(
        f"{bold(counted(rows, 'row'))}, {difference} than {asset_link(f'splits/{name}')} has."
        if rows < before
        else f"{bold(counted(rows, 'row'))}, {difference} as {asset_link(f'splits/{name}')} has.",
        how,
        f"Blocking checks verify from the stored files that none of its images is in {' or '.join(earlier)}."
        if earlier
        else "valid and test have none of its images, which blocking checks verify from the stored files.",
        f'Use it: `load_split("{group}/{name}")`.',
    )


def issues_summary(kinds: "pd.Series[str]", rates: pd.DataFrame, no_issue: str, least_quality: float) -> str:
    """Say how many labels are doubtful, and which share of them is wrong.

    Args:
        kinds: kind of issue of each label.
        rates: estimated share of wrong labels (`wrong`) by archive (`set`).
        no_issue: the kind of labels without issue.
        least_quality: quality below which a label is doubtful.
    """
    found = kinds[kinds != no_issue].value_counts()
    wrong = ", ".join(
        f"{percent(float(share))} in {name}" for name, share in zip(rates["set"], rates["wrong"], strict=True)
    )
    return summary(
        f"{bold(counted(int(found.sum()), 'label'))} of {len(kinds):,} {'is' if found.sum() == 1 else 'are'} doubtful:"
        f" a quality below {least_quality:g}, a conflict, or a blank image.",
        f"Kinds: {', '.join(f'{outside_text(str(kind))} ({count:,})' for kind, count in found.items())}."
        if len(found)
        else "",
        f"Estimated share of wrong labels: {wrong}." if wrong else "",
        f"Next: browse them in {asset_link('report/gallery')}. NOTMNIST\\_DROP\\_LABEL\\_ISSUES leaves them out of"
        f" {asset_link('baselines/metrics')}.",
    )


def metrics_summary(metrics: pd.DataFrame, removed: str = "") -> str:
    """Say how accurate the first model is on raw, clean and removed test rows.

    Args:
        metrics: the accuracies, as `baselines.evaluation.fit_baselines` returns them.
        removed: what is to be known about the removed test rows, such as how many are one image.
    """
    first = of_first_model(metrics)
    full = first[(first["train_rows"] == "all") & (first["eval_on"] == "test")]
    found = {key: float(value) for key, value in full.set_index(["train_on", "eval_rows"])["accuracy"].items()}
    model = outside_text(str(first["model"].iloc[0]).replace("_", " ")) if len(first) else "the model"

    def accuracy(train_on: str, rows: str) -> str:
        return percent(found[train_on, rows]) if (train_on, rows) in found else "-"

    if ("raw", "clean") in found:
        points = 100 * (found["raw", "raw"] - found["raw", "clean"])
        clean = f"{accuracy('raw', 'clean')} of the clean ones: leaks change the score by {points:.1f} points."
    else:
        clean = "none is clean, so the effect of leaks is unknown."
    return summary(
        f"Trained on all raw rows, {model} reads {bold(accuracy('raw', 'raw'))} of the test rows right, and {clean}",
        f"Of the removed test rows it reads {accuracy('raw', 'removed')} right. {removed}".strip()
        if ("raw", "removed") in found
        else "",
        f"Trained on sanitized rows, it reads {accuracy('sanitized', 'clean')} of the clean test rows right."
        if ("sanitized", "clean") in found
        else "",
        f"Next: report the accuracy on {asset_link('sanitized/test')}; {asset_link('baselines/leakage')} says why leaks"
        " score higher.",
    )
