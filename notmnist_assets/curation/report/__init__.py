"""Writes one self-contained HTML page about inputs, duplicates, removed rows and baselines, and reads it back.

`data` defines the input, `blocks` the parts of a page, `page` assembles and renders them, and `reading` parses a stored
page; each other module builds one or more sections.
"""
