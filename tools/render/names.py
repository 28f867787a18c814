"""Invents a file name for each font number of a set, encoded like those of the original.

The words are invented: no name claims to be an existing typeface.
"""

import base64
from typing import Final

MOST_FONTS: Final = 1 << 20
"""Number of different names for one set."""

_FIRST: Final = (
    "Amber", "Brisk", "Cobalt", "Dapper", "Ember", "Frosty", "Giddy", "Hollow",
    "Ivory", "Jolly", "Kindly", "Lunar", "Mellow", "Nimble", "Oaken", "Plucky",
    "Quaint", "Rustic", "Sable", "Tidal", "Umber", "Velvet", "Wicked", "Xenial",
    "Yonder", "Zesty", "Arctic", "Bold", "Crimson", "Dusty", "Eager", "Fabled",
)  # fmt: skip
_SECOND: Final = (
    "Anvil", "Badger", "Candle", "Dragon", "Engine", "Fiddle", "Garden", "Harbor",
    "Island", "Jungle", "Kettle", "Lantern", "Meadow", "Needle", "Orchard", "Pepper",
    "Quarry", "Ribbon", "Saddle", "Thicket", "Uncle", "Valley", "Window", "Yarn",
    "Zephyr", "Acorn", "Beacon", "Cactus", "Dagger", "Echo", "Feather", "Goblin",
    "Hammer", "Inkwell", "Jigsaw", "Kernel", "Ladder", "Magnet", "Noodle", "Oyster",
    "Piston", "Quiver", "Rocket", "Signal", "Turnip", "Umbrella", "Voyage", "Walnut",
    "Yeoman", "Zipper", "Atlas", "Bramble", "Cobweb", "Domino", "Elbow", "Falcon",
    "Grotto", "Hazel", "Iris", "Jester", "Kiosk", "Locket", "Marble", "Nutmeg",
)  # fmt: skip
_STYLES: Final = ("", "Bold", "Italic", "BoldItalic", "Light", "Heavy", "Condensed", "Outline")
_FOUNDRIES: Final = ("", "CQ ", "2", "x")
_EXTENSIONS: Final = (".ttf", ".otf", ".TTF", ".pfb")
_MULTIPLIER: Final = 0x5D1E5
_OFFSETS: Final = {"large": 0x2A5F3, "small": 0x91C07}


def font_name(set_name: str, font: int) -> str:
    """Return the name of font `font` (0 to MOST_FONTS - 1): distinct within a set, in no sorted order."""
    number = (font * _MULTIPLIER + _OFFSETS[set_name]) % MOST_FONTS
    number, first = divmod(number, len(_FIRST))
    number, second = divmod(number, len(_SECOND))
    number, style = divmod(number, len(_STYLES))
    number, foundry = divmod(number, len(_FOUNDRIES))
    layout, extension = divmod(number, len(_EXTENSIONS))
    words, look = (_FIRST[first], _SECOND[second]), _STYLES[style]
    stem = (
        "".join(words) + (f"-{look}" if look else ""),
        " ".join((*words, look)).rstrip(),
        "_".join((*words, look)).rstrip("_").lower(),
        "-".join((*words, look)).rstrip("-").upper(),
    )[layout]
    return f"{_FOUNDRIES[foundry]}{stem}{_EXTENSIONS[extension]}"


def file_name(set_name: str, font: int) -> str:
    """Return the archive's file name of font number `font`: base64 of the font's name, and `.png`.

    Standard base64 of ASCII without `?` and DEL has no `/`, so the name is safe as one part of a path.
    """
    return base64.b64encode(font_name(set_name, font).encode("ascii")).decode("ascii") + ".png"
