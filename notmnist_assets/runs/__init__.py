"""The Dagster instance and the processes of its runs: one run at a time, and runs of dead processes end as failed."""
