"""Count how many likely wrong labels of the sample are truly wrong, with `uv run python examples/label_suspects.py`.

Needs the sample's values (`make demo`). The package ships a table of what was planted in the sample.
"""

from pathlib import Path

import pandas as pd

import notmnist_assets
from notmnist_assets.curation import fit_baselines, label_suspects
from notmnist_assets.definitions import defs

FILE = ["set", "letter", "name"]
raw, sanitized = (
    {name: defs.load_asset_value([group, name]) for name in ("train", "valid", "test")}
    for group in ("splits", "sanitized")
)
planted = pd.read_parquet(Path(notmnist_assets.__file__).parent / "sources" / "sample_files" / "ground_truth.parquet")
wrong_files = pd.MultiIndex.from_frame(planted.query("kind == 'wrong_label'")[FILE])


def wrong_labels(sources: pd.DataFrame) -> pd.Series:
    """Return which rows carry a label that was planted as wrong."""
    return pd.Series(pd.MultiIndex.from_frame(sources[FILE].astype(str)).isin(wrong_files))


wrong = wrong_labels(raw["train"].sources)
left = int(wrong_labels(sanitized["train"].sources).sum())
print(f"wrong labels: {wrong.sum()} of {len(wrong)} rows of splits/train, {left} of them in sanitized/train")  # noqa: T201
models = fit_baselines(raw, sanitized).models.values()
for name, judges in {
    "models of 50 to 5000 rows": models,
    "model of 5000 rows": [model for model in models if model.train_rows == "5000"],
}.items():
    suspects = wrong[label_suspects(raw["train"], judges)["row"]]
    counts = ", ".join(f"{suspects[:first].sum()} of the first {first}" for first in (24, 50, 100, 200))
    print(f"{name}: {counts} suspects are wrong")  # noqa: T201
