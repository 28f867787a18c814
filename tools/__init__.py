"""Developer's tools. They run in a clone of the repository and are not part of the installed package."""
