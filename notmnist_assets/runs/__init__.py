"""The Dagster instance and its runs: the lock for one run at a time, detection of dead runs, and names of steps."""
