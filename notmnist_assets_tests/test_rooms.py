"""Compares the import statements of the package with the picture of the rooms in docs/architecture.md."""

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from notmnist_assets.settings.model import project_home
from notmnist_assets_tests.documents import documented_rooms

NAME: Final = "notmnist_assets"
PACKAGE: Final = project_home() / NAME
ROOMS: Final = list(documented_rooms())
"""Packages and modules from top to bottom: each imports only those that come later."""
MODULES: Final = sorted(path.relative_to(PACKAGE) for path in PACKAGE.rglob("*.py"))


def room_of(module: str) -> str | None:
    """Return the room that a module is in, None for the package itself and for what only exports names of rooms."""
    parts = module.split(".")[1:]
    return next((name for end in (2, 1) if (name := "/".join(parts[:end])) in ROOMS), None)


def name_of(path: Path) -> str:
    return ".".join([NAME, *path.with_suffix("").parts])


def imports(path: Path) -> Iterator[str]:
    """Yield the full names that a module imports, also those inside functions."""
    for node in ast.walk(ast.parse((PACKAGE / path).read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path} has a relative import"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def test_every_module_is_in_a_room_and_every_room_has_a_module() -> None:
    rooms = {path: room_of(name_of(path)) for path in MODULES}
    assert {path.as_posix() for path, room in rooms.items() if room is None} == {"__init__.py", "curation/__init__.py"}
    assert set(rooms.values()) - {None} == set(ROOMS)
    assert len(set(ROOMS)) == len(ROOMS)


@pytest.mark.parametrize("room", ROOMS)
def test_a_room_imports_only_rooms_on_later_lines(room: str) -> None:
    allowed = {None, *ROOMS[ROOMS.index(room) :]}
    wrong = {
        path.as_posix(): names
        for path in MODULES
        if room_of(name_of(path)) == room
        and (names := [name for name in imports(path) if name.startswith(f"{NAME}.") and room_of(name) not in allowed])
    }
    assert wrong == {}


def test_the_library_imports_neither_dagster_nor_the_rest_of_the_package() -> None:
    for path in (path for path in MODULES if path.parts[0] == "curation"):
        for name in imports(path):
            top, *rest = name.split(".")
            assert not top.startswith("dagster"), path
            assert top != NAME or rest[:1] == ["curation"], path
