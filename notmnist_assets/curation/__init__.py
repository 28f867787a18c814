"""The numeric library: archives, letters, splits, hashes, duplicates, sanitizing, baselines, drawing.

It depends on NumPy, pandas and their kin, never on Dagster, and works in a notebook. Data flows one way:
`archive` → `letters` → `splits` → `hashes` → `near` → `overlap` → `sanitizing` → `baselines`.
What decides where values are stored, when they are made or how the UI shows them does not belong here.
"""

from notmnist_assets.curation.core.compiler_cache import use_writable_cache

# Before any module here imports Numba, which reads the variable once.
use_writable_cache()
