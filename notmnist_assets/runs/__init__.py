"""The Dagster instance and the processes of its runs: one run at a time, dead runs reported as failed."""
