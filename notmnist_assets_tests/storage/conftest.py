"""The storage that each test of values runs on: local, local with an unusual path, and S3."""

from pathlib import Path

import pytest


@pytest.fixture(params=["local", "odd::name", "s3"])
def root(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param != "s3":
        return str(tmp_path / request.param / "values")
    bucket: str = request.getfixturevalue("bucket")
    return f"{bucket}/values"
