"""The job `refresh`: everything, or the part of it that is asked for.

Belongs here: the job alone. When it runs, and for which assets, is in the other files of this package.
"""

import dagster as dg

REFRESH_JOB = dg.define_asset_job(
    "refresh",
    selection=dg.AssetSelection.all(),
    description="Everything, from the archives to the baselines, exports and report, in one run.",
)
