"""Compares the import statements of the package with the order of its rooms: packages and modules at the top level."""

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

import notmnist_assets

PACKAGE: Final = Path(notmnist_assets.__file__).parent
NAME: Final = PACKAGE.name
ROOMS: Final = (
    "cli",
    "loading",
    "definitions",
    "automation",
    "checks",
    "assets",
    "staleness",
    "sources",
    "storage",
    "runs",
    "settings",
    "metadata",
    "curation",
)
"""All rooms; each may import only rooms that come later."""
MODULES: Final = sorted(path.relative_to(PACKAGE) for path in PACKAGE.rglob("*.py") if path.parent != PACKAGE)


def room_of(module: Path) -> str:
    return module.parts[0] if len(module.parts) > 1 else module.stem


def imported(module: Path) -> Iterator[str]:
    """Yield the full names of all modules that a module imports, also those inside functions."""
    for node in ast.walk(ast.parse((PACKAGE / module).read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{module} has a relative import"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def imported_rooms(module: Path) -> set[str]:
    names = [name.split(".") for name in imported(module)]
    return {parts[1] for parts in names if parts[0] == NAME and len(parts) > 1} - {room_of(module)}


def test_every_room_has_its_place_in_the_order() -> None:
    modules = {path.stem for path in PACKAGE.glob("*.py")} - {"__init__"}
    assert sorted(ROOMS) == sorted({room_of(module) for module in MODULES} | modules)


@pytest.mark.parametrize("room", ROOMS)
def test_a_room_imports_only_rooms_that_come_later(room: str) -> None:
    later = set(ROOMS[ROOMS.index(room) + 1 :])
    modules = [Path(f"{room}.py")] if (PACKAGE / f"{room}.py").is_file() else [m for m in MODULES if room_of(m) == room]
    wrong = {module.as_posix(): names for module in modules if (names := imported_rooms(module) - later)}
    assert wrong == {}


def test_the_library_imports_neither_dagster_nor_the_command_line() -> None:
    forbidden = {"dagster", "typer", "rich"}
    for module in MODULES:
        if room_of(module) == "curation":
            assert not {name.partition(".")[0] for name in imported(module)} & forbidden, module
