"""Train a classifier on the sanitized splits, with `uv run python examples/train.py`, after `make demo`."""

from sklearn.linear_model import LogisticRegression

from notmnist_assets import load_split

ROWS = 5_000  # a few seconds; None takes all
x, y = load_split("sanitized/train", normalized=True)
x_test, y_test = load_split("sanitized/test", normalized=True)
model = LogisticRegression(C=0.01, max_iter=200)
model.fit(x[:ROWS].reshape(-1, 28 * 28), y[:ROWS])
accuracy = model.score(x_test.reshape(-1, 28 * 28), y_test)
print(f"accuracy {accuracy:.3f} with C=0.01 on {len(x_test)} test images that are not in train")  # noqa: T201
