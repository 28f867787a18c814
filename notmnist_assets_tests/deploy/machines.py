"""Machines made of namespaces of this one: each has its own address, host name, processes and temporary folder.

They see the files of this machine, but cannot write them. The switch between them is in a namespace too, so that
nothing changes in the network of this machine, and nothing is left when the process of this module has ended.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

_ENTER = ("nsenter", "--mount", "--uts", "--net", "--pid", "--target")
_WITH_PARENT = ("setpriv", "--pdeathsig", "KILL")
_UNSHARE = ("unshare", "--mount", "--uts", "--net", "--pid", "--fork", "--kill-child", "--mount-proc")
_SETUP = """
set -e
hostname "$1"
ip link set lo up
mount -t tmpfs tmpfs /mnt
shift
for folder in "$@"; do
    mkdir -p "/mnt$folder"
    mount --bind "$folder" "/mnt$folder"
done
mount -t tmpfs -o mode=1777 tmpfs /tmp
for folder in "$@"; do
    mkdir -p "$folder"
    mount --bind "/mnt$folder" "$folder"
    mount -o remount,bind,ro "$folder"
    umount "/mnt$folder"
done
umount /mnt
mount -t tmpfs -o mode=1777 tmpfs /var/tmp
mount -t tmpfs -o mode=1777 tmpfs /dev/shm
mount -o remount,bind,ro /
echo ready
exec sleep infinity
"""


_TMP = "/tmp"  # noqa: S108, of each machine's own


class Machine:
    """A machine of the network.

    Attributes:
        name: its host name.
        address: its IP address.
        servers: the processes that were started there.
    """

    def __init__(self, name: str, address: str, pid: int, switch: int) -> None:
        self.name = name
        self.address = address
        self._pid = pid
        self._switch = switch
        self.servers: list[subprocess.Popen[bytes]] = []

    def command(self, *words: str) -> list[str]:
        """Return the words that execute a command there."""
        return [*_ENTER, str(self._pid), "--", *words]

    def run(self, *words: str, variables: Mapping[str, str] | None = None, seconds: float = 120) -> str:
        """Execute a command there and return what it printed."""
        done = subprocess.run(
            self.command(*words), env={**os.environ, **(variables or {})}, cwd="/", stdin=subprocess.DEVNULL,
            capture_output=True, text=True, timeout=seconds,
        )  # fmt: skip
        assert not done.returncode, f"{' '.join(words)}:\n{done.stdout[-2000:]}{done.stderr[-4000:]}"
        return done.stdout

    def start(self, log: Path, *words: str, variables: Mapping[str, str] | None = None) -> None:
        """Start a server there; it ends with the machine."""
        with log.open("ab") as file:
            server = subprocess.Popen(
                self.command(*words), env={**os.environ, **(variables or {})}, cwd="/", stdin=subprocess.DEVNULL,
                stdout=file, stderr=file, start_new_session=True,
            )  # fmt: skip
        self.servers.append(server)

    def unplug(self) -> None:
        """Take the cable out: its packets and those to it are lost."""
        self._set_cable("down")

    def plug(self) -> None:
        """Put the cable in again."""
        self._set_cable("up")

    def _set_cable(self, state: str) -> None:
        _ip(self._switch, "link", "set", f"nm-{self.name}", state)


def _ip(pid: int, *words: str) -> None:
    subprocess.run(["nsenter", "--net", "--target", str(pid), "ip", *words], check=True, timeout=60)


def why_not() -> str | None:
    """Return why this machine cannot have them; None if it can."""
    missing = [name for name in ("ip", "nsenter", "setpriv", "unshare", "runuser") if shutil.which(name) is None]
    if missing:
        return f"{', '.join(missing)} is not installed. Debian: apt-get install iproute2 util-linux"
    if os.getuid():
        return "Only root can make namespaces of networks."
    try:
        with _namespace("try", []) as pid:
            _ip(pid, "link", "add", "nm-0", "type", "bridge")
            _ip(pid, "link", "add", "nm-1", "type", "veth")
    except (AssertionError, subprocess.CalledProcessError):
        return "Namespaces of networks, bridges or veth pairs are not permitted here."
    return None


@contextmanager
def machines(names: Sequence[str]) -> Iterator[dict[str, Machine]]:
    """Run machines on one switch; afterwards, end all of their processes."""
    project = Path(__file__).parents[2]
    folders = sorted({str(folder) for folder in (project, Path(sys.prefix)) if folder.is_relative_to(_TMP)})
    folders = [one for one in folders if not any(one.startswith(f"{other}/") for other in folders)]
    with ExitStack() as stack:
        switch = stack.enter_context(_namespace("switch", folders))
        _ip(switch, "link", "add", "nm-switch", "type", "bridge")
        _ip(switch, "link", "set", "nm-switch", "up")
        found = {}
        for number, name in enumerate(names, 1):
            pid, cable, address = stack.enter_context(_namespace(name, folders)), f"nm-{name}", f"10.77.0.{number}"
            _ip(switch, "link", "add", cable, "type", "veth", "peer", "name", "nm-0", "netns", str(pid))
            _ip(switch, "link", "set", cable, "master", "nm-switch", "up")
            _ip(pid, "address", "add", f"{address}/24", "dev", "nm-0")
            _ip(pid, "link", "set", "nm-0", "up")
            found[name] = Machine(name, address, pid, switch)
        yield found
    for machine in found.values():
        for server in machine.servers:
            server.wait(60)


@contextmanager
def _namespace(name: str, folders: Sequence[str]) -> Iterator[int]:
    """Provide the id of the first process of a new machine."""
    words = [*_WITH_PARENT, *_UNSHARE, "sh", "-c", _SETUP, "sh", name, *folders]
    first = subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, start_new_session=True)
    try:
        assert first.stdout is not None
        assert first.stdout.readline() == b"ready\n", f"no namespaces for {name}"
        yield int(Path(f"/proc/{first.pid}/task/{first.pid}/children").read_text())
    finally:
        first.kill()
        first.wait()
        if first.stdout is not None:
            first.stdout.close()
