"""Ten components instead of forty: small pools need no more, and fits take a fraction of the time."""

from collections.abc import Iterator

import pytest

from notmnist_assets.curation.labels import features


@pytest.fixture(scope="package", autouse=True)
def few_components() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(features, "COMPONENTS", 10)
        yield
