"""Small values that the tests of the storage write and read."""

from pathlib import Path
from typing import BinaryIO

from notmnist_assets.storage.store import Manifest, ValueStore

KEY = ["splits", "test"]
VERSIONS = [f"{digit}" * 64 for digit in "abcdef"]
KILLED = """
import os, signal, sys
from notmnist_assets.storage.store import ValueStore
def die(file):
    file.write(b"half of it")
    file.flush()
    os.kill(os.getpid(), signal.SIGKILL)
ValueStore(sys.argv[1]).write(["splits", "test"], sys.argv[2], {"a.bin": lambda f: f.write(b"new"), "b.bin": die}, {})
"""


def write(store: ValueStore, version: str, data: bytes = b"data", key: list[str] = KEY) -> Manifest:
    return store.write(key, version, {"a.bin": lambda file: put(file, data), "b.bin": lambda file: put(file, b"b")}, {})


def read(store: ValueStore, name: str = "a.bin", key: list[str] = KEY) -> bytes:
    with store.open(key, store.require(key), name) as file:
        return file.read()


def put(file: BinaryIO, data: bytes) -> None:
    file.write(data)


def break_off(file: BinaryIO) -> None:
    file.write(b"half of")
    raise RuntimeError("killed")


def files_below(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
