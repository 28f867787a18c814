"""What is said of each asset in three to five lines of Markdown, which the UI, the terminal and the report share.

`text` has the parts of a summary. `inputs` writes those of archives, letters, splits and hashes; `results` those of
near pairs, radius, overlap, recall, sanitized and grouped splits, label issues and metrics; `scores` those of mistakes,
leakage and reference; `outputs` those of exports, report and gallery.
"""
