"""Settings from environment variables, for one run from the launchpad, and as metadata of assets."""
