"""Settings: from environment variables, from the launchpad for one run, and in the metadata of assets."""
