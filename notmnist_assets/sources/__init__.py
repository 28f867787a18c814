"""Where archives come from: rendered here (`rendered`), a web server (`http`), or a folder (`folder`).

Belongs here: getting the two archives as verified local files; `choice` picks the source that the settings name.
What is inside the archives is read in `curation`. This file imports nothing, so that a process that only draws
letters starts fast.
"""
