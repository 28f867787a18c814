"""Where archives come from: the package itself (`sample`), a web server (`http`), or a folder (`folder`).

Each source gives the two archives as verified local files; `choice` picks the source that the settings name.
What is inside the archives is read in `curation`.
"""
