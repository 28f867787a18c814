"""What is said of each asset in three to five lines of Markdown, which the UI, the terminal and the report share.

`text` has the parts of a summary; each other module writes those of one or more stages.
"""
