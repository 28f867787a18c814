"""The kinds of cases by name, in the order in which they run."""

from typing import Final

from faults.archives import ARCHIVES
from faults.cases import Kind
from faults.http_faults import HTTP
from faults.kills import KILLS
from faults.machine import MACHINE
from faults.stored import STORED

KINDS: Final[dict[str, Kind]] = {kind.name: kind for kind in (ARCHIVES, STORED, HTTP, MACHINE, KILLS)}
