"""Deployments beyond one process; `deploy/README.md` says which is for what."""
