"""Settings of a run, from environment variables or the launchpad."""
