"""The reasons for which files are rejected are in the documents."""

from pathlib import Path

from notmnist_assets.curation.reading.rejections import Rejection


def test_the_documents_list_every_reason_and_no_other() -> None:
    method = (Path(__file__).parents[3] / "docs" / "method.md").read_text(encoding="utf-8")
    rows = method.partition("| reason | the file |")[2].partition("\n\n")[0].splitlines()[2:]
    listed = [reason for row in rows for reason in row.split("|")[1].split("`")[1::2]]
    assert sorted(listed) == sorted(Rejection)
