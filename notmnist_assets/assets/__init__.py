"""The assets, one module per stage of the flow: archives → letters → splits → hashes → overlap → sanitized → baselines.

Belongs here: names, inputs, descriptions and metadata of assets. What they compute is in `curation`.
"""
