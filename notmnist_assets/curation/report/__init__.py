"""One HTML page that tells a reviewer everything: what went in, what was found, what was removed, what it is worth.

Belongs here: what the page says and how it looks. `data` is what it is made from, `page` makes it, `reading` reads it
back; the other modules write one part each. Numbers are computed elsewhere in `curation`; nothing here knows Dagster.
"""
