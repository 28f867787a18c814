"""Sources of archives: the package (`sample`), a web server (`http`) and a folder (`folder`).

Each source provides the two archives as verified local files; `choice` selects the source by the settings.
"""
