"""Compare the label issues of the sample with what was planted, with `uv run python examples/label_issues.py`.

Needs the sample's values (`make demo`). The package ships a table of what was planted in the sample.
"""

from pathlib import Path

import pandas as pd

import notmnist_assets
from notmnist_assets.definitions import defs

FILE = ["set", "letter", "name"]
issues = defs.load_asset_value(["labels", "issues"])
planted = pd.read_parquet(Path(notmnist_assets.__file__).parent / "sources" / "sample_files" / "ground_truth.parquet")
of_file = pd.MultiIndex.from_frame(planted[FILE])
of_source = pd.MultiIndex.from_frame(planted[["of_set", "of_letter", "of_name"]])

# Wrong are labels that were planted as wrong, images that belong to a file of another letter, and copies of both. Blank
# images are counted by kind only.
wrong_files = of_file[planted["kind"].isin(["wrong_label", "label_conflict"])].unique()
copies = planted["kind"].isin(["exact_duplicate", "near_duplicate"])
while len(new := of_file[copies & of_source.isin(wrong_files) & ~of_file.isin(wrong_files)].unique()):
    wrong_files = wrong_files.append(new)
wrong = pd.Series(pd.MultiIndex.from_frame(issues[FILE]).isin(wrong_files))

pictures = (issues["kind"] != "blank") & issues["label_quality"].notna()
for name, rows in issues[pictures].groupby("set"):
    print(f"{name}: {wrong[rows.index].sum()} of {len(rows)} labels are wrong, {wrong[rows.index].mean():.1%}")  # noqa: T201
for kind, rows in issues.groupby("kind"):
    print(f"{kind}: {wrong[rows.index].sum()} of {len(rows)} labels are wrong")  # noqa: T201
print("first issues: " + ", ".join(f"{wrong.head(first).sum()} of {first}" for first in (24, 50, 100, 200)))  # noqa: T201

ranked = wrong[pictures].loc[issues[pictures].sort_values("label_quality", kind="stable").index].reset_index(drop=True)
precision = ranked.cumsum() / (ranked.index + 1)
for target in (0.95, 0.9, 0.8):
    precise = precision.index[precision >= target]
    if precise.empty:
        continue
    rows = int(precise.max()) + 1
    recall = ranked.head(rows).sum() / ranked.sum()
    print(f"precision {target:.0%}: {rows} rows with {recall:.1%} of the wrong labels that are no blank images")  # noqa: T201
