"""By what this was made: versions of the program, and the content of every value the page rests on.

Belongs here: the last section. How contents are hashed is in `fingerprint`.
"""

from notmnist_assets.curation.report.blocks import Section, Table, code, word, words
from notmnist_assets.curation.report.data import ReportData


def versions_section(data: ReportData) -> Section:
    """Tell the versions and the hashes."""
    programs = Table(
        "code-versions-table",
        "Versions of the program",
        (words("part"), words("version", "of the package, and of the code of each stage")),
        [
            (word("notmnist_assets"), word(data.package_version)),
            *((word(stage), word(version)) for stage, version in data.code_versions.items()),
        ],
    )
    contents = Table(
        "contents-table",
        "Content of every value this page rests on",
        (
            words("asset"),
            words(
                "SHA-256",
                "over all that the value holds: two values are equal exactly when their hashes are. Of"
                " baselines/metrics without the seconds of each fit, of overlap/near_pairs the pairs alone, without the"
                " list of images that were searched: the versions stored of these two are other hashes",
            ),
        ),
        [(word(key), code(digest)) for key, digest in data.contents.items()],
    )
    return Section(
        "versions",
        "Versions and hashes",
        "Whoever has the same archives, settings and versions gets the same hashes, and this very page, byte for byte."
        " Outcomes of the checks are not on it: they judge the stored values, this page among them, and"
        " the command notmnist status lists them.",
        (programs, contents),
    )
