"""Cases that fail in every way, for the test of `faults.worker`, whose processes import this module."""

import os
import random
import time
from pathlib import Path

from faults.cases import CaseError, Outcome, RunCase, require


def prepare_bad_cases(_folder: Path) -> RunCase:
    """Return cases that survive, lose something, raise a foreign error, crash, hang, need memory, and survive again."""

    def run(number: int, randomly: random.Random) -> None:
        match number:
            case 1:
                require(randomly.random() > 1, Outcome.LOST, "it is gone")
            case 2:
                raise LookupError("from the depths")
            case 3:
                os._exit(7)
            case 4:
                time.sleep(60)
            case 5:
                bytearray(b"x") * (300 << 20)
            case 6:
                raise CaseError(Outcome.SKIPPED, "not here")

    return run
