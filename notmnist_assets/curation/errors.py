"""The one error that curation raises for bad input.

Belongs here: the exception and its shape. Programming errors stay the built-in exceptions.
"""


class CurationError(Exception):
    """Bad input, told so that a person can act: what happened, to which file or asset, what to do next."""

    def __init__(self, problem: str, *, subject: str, remedy: str) -> None:
        super().__init__(f"{subject}: {problem} {remedy}")
        self.problem = problem
        self.subject = subject
        self.remedy = remedy
