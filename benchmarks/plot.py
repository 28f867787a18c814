"""Plots the summary of a benchmark: seconds and memory by stage, and seconds by size."""

from pathlib import Path

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from benchmarks.report import WAYS

_COLORS = {"ours": "tab:blue", "assignment": "tab:orange"}
_BAR = 0.4


def plot_summary(table: pd.DataFrame, path: Path) -> None:
    """Write the summary as PNG: bars for the largest size, and lines by size if there are several sizes."""
    sizes = table.drop_duplicates("size").sort_values("images")
    largest = table[table["size"] == sizes["size"].iloc[-1]]
    panels = 3 if len(sizes) > 1 else 2
    figure = Figure(figsize=(6 * panels, 1.5 + 0.4 * len(largest)), dpi=100, layout="constrained")
    axes = figure.subplots(1, panels)
    _bars(axes[0], largest, "seconds", "seconds")
    _bars(axes[1], largest, "peak_mb", "peak memory in MB")
    if panels == 3:
        _lines(axes[2], table)
    figure.suptitle(f"Median of runs, {largest['images'].iloc[0]:,} files")
    figure.savefig(path)


def _bars(axes: Axes, rows: pd.DataFrame, quantity: str, label: str) -> None:
    for place, way in enumerate(WAYS):
        at = [number + (place - 0.5) * _BAR for number in range(len(rows))]
        axes.barh(at, rows[f"{way}_{quantity}"], _BAR, color=_COLORS[way], label=way)
    for number, (ours, theirs) in enumerate(zip(rows[f"ours_{quantity}"], rows[f"assignment_{quantity}"], strict=True)):
        if pd.notna(ours) and pd.notna(theirs):
            axes.text(max(ours, theirs), number, f" {theirs / ours:.1f}x", va="center", fontsize="small")
    axes.set_yticks(range(len(rows)), rows["stage"].tolist())
    axes.invert_yaxis()
    axes.set_xscale("log")
    axes.margins(x=0.15)
    axes.set_xlabel(label)
    axes.grid(visible=True, axis="x", alpha=0.3)
    axes.legend()


def _lines(axes: Axes, table: pd.DataFrame) -> None:
    for place, (stage, rows) in enumerate(table.groupby("stage", sort=False)):
        for way, style in zip(WAYS, ("-", ":"), strict=True):
            known = rows.dropna(subset=[f"{way}_seconds"])
            label = str(stage) if way == WAYS[0] else None
            axes.plot(
                known["images"],
                known[f"{way}_seconds"],
                style,
                color=f"C{place % 10}",
                marker="o",
                markersize=3,
                label=label,
            )
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_xlabel("files")
    axes.set_ylabel("seconds; solid ours, dotted assignment")
    axes.grid(visible=True, alpha=0.3)
    axes.legend(fontsize="x-small")
