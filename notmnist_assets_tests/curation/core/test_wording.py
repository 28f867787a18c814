"""Numbers in sentences."""

import pytest

from notmnist_assets.curation.core.wording import counted


@pytest.mark.parametrize(
    ("number", "told"), [(0, "0 images"), (1, "1 image"), (2, "2 images"), (1_000, "1,000 images")]
)
def test_one_is_told_in_the_singular(number: int, told: str) -> None:
    assert counted(number, "image") == told


def test_words_that_are_not_regular_are_given() -> None:
    assert [counted(number, "copy", "copies") for number in (1, 2)] == ["1 copy", "2 copies"]
