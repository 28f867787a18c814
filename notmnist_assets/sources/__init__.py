"""Where archives come from: the package itself (`sample`), a web server (`http`), or a folder (`folder`).

Each source provides the two archives as verified local files; `choice` returns the source of the settings.
"""
