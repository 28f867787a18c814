"""The environment variables that all runs of a deployment share, and the error of a value that is not allowed."""

import os
import re
from collections.abc import Mapping
from typing import Final, Literal, cast, get_args

PREFIX: Final = "NOTMNIST_"
FAILURE_WEBHOOK: Final = PREFIX + "FAILURE_WEBHOOK"
"""The variable that `failure_webhook` reads. No field of `Settings`: it is secret, and belongs to the deployment."""
STEPS: Final = PREFIX + "STEPS"
"""The variable that `place_of_steps` reads. No field of `Settings`: it is the same for all runs of a deployment."""

Place = Literal["process", "kubernetes"]


class SettingsError(ValueError):
    """A setting has a value that is not allowed; the message names it, the value and what is allowed."""


def failure_webhook(environment: Mapping[str, str] | None = None) -> str | None:
    """Return the URL that failures are posted to, None if the variable is unset: no alerts are sent.

    Raises:
        SettingsError: it is not an http(s) URL; the message does not repeat it, because it is secret.
    """
    variables = os.environ if environment is None else environment
    url = variables.get(FAILURE_WEBHOOK, "").strip()
    if not url:
        return None
    if not re.fullmatch(r"https?://[^/\s]+(/\S*)?", url):
        raise SettingsError(f"{FAILURE_WEBHOOK} is not a URL; allowed: an http(s) URL that accepts JSON by POST")
    return url


def place_of_steps(environment: Mapping[str, str] | None = None) -> Place:
    """Return where the steps of runs are executed: in the process of the run, or each in a Kubernetes job.

    Raises:
        SettingsError: the variable has another value.
    """
    place = (os.environ if environment is None else environment).get(STEPS, "").strip() or "process"
    if place not in get_args(Place):
        raise SettingsError(f"{STEPS}={place}: allowed: {', '.join(get_args(Place))}")
    return cast("Place", place)
