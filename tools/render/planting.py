"""Determines the content of each image and the planted faults.

A set consists of invented fonts, each with the letters A to J, like the original. Some fonts are copies of others under
another name; some show symbols or the wrong letters; a few files are unreadable. Every result is a function of seed,
set, letter and font number only, so that any process can compute any part.
"""

from dataclasses import dataclass, field
from functools import cached_property
from typing import Final

import numpy as np
import numpy.typing as npt

from notmnist_assets.curation.core.errors import CurationError
from notmnist_assets.curation.core.images import LETTERS, SETS
from tools.render.names import MOST_FONTS
from tools.render.randomness import Integers, Keys, below, chance, keys
from tools.render.rendering import NEAR_KINDS

FEWEST_FONTS: Final = 20
ORIGINAL_FILES: Final = {"large": 52_912, "small": 1_873}
"""Files of a letter in the original archives, at most."""
NO_FONT: Final = -1
UNREADABLE: Final = {
    "large": (("A", "not a PNG"), ("A", "empty"), ("A", "empty"), ("B", "empty"), ("D", "empty")),
    "small": (("A", "empty"), ("F", "empty")),
}
"""Letter and fault of the unreadable files: those of the original archives."""

# Rates in a thousand, about the original's: 13 % repeats, 13 % of the small set also in the large one, and
# wrong labels on 6.5 % of the large and 0.5 % of the small set (the estimate of the original's author).
_COPIES: Final = {"large": 120, "small": 40}
_COPIES_OF_LARGE: Final = 140
_NEAR_COPIES: Final = 180
_SYMBOL_FONTS: Final = {"large": 45, "small": 3}
_SWAPPED_LETTERS: Final = {"large": 21, "small": 2}
_FONTS_FOR_ONE_CONFLICT: Final = 400
_FEWEST_CONFLICTS: Final = 2
_SYMBOLS: Final = np.array(list("KMQRS39&?*"))
_CONFUSABLE: Final = LETTERS.replace("I", "")
"""Letters that are shown under another label by mistake. I is excluded: it may be a white square, which under another
label would equal hundreds of correct I."""
_TRIES: Final = 64

_FONT, _LETTER, _STYLE, _OTHER_STYLE, _RESERVED, _CONFLICT, _ORDER, _NEAR = range(8)
_IS_COPY, _IS_OF_LARGE, _IS_SYMBOLS, _FIRST_SYMBOL = 0, 1, 2, 3
_IS_NEAR, _NEAR_KIND, _IS_SWAPPED, _SHOWN = 0, 1, 2, 3
_SOURCE: Final = 100


def small_for(large: int) -> int:
    """Return the number of files of a letter in the small set, in the proportion of the original to the large set."""
    return max(FEWEST_FONTS, round(large * ORIGINAL_FILES["small"] / ORIGINAL_FILES["large"]))


@dataclass(frozen=True, eq=False)
class Contents:
    """The content of n files of one letter.

    Attributes:
        characters: str (n,), the rendered character.
        styles: uint64 (n,), the key of its invented font.
        faults: str (n,), the reason why the file is unreadable, else empty.
        relations: str (n,), `exact_duplicate`, `near_duplicate`, `label_conflict`, else empty.
        near_kinds: str (n,), the small change of the source's image, else empty.
        near_keys: uint64 (n,), keys of the random numbers of the change.
        source_sets: str (n,), set of the file that this one repeats.
        source_letters: str (n,), its letter.
        source_fonts: int64 (n,), its font number, else NO_FONT.
    """

    characters: npt.NDArray[np.str_]
    styles: Keys
    faults: npt.NDArray[np.str_]
    relations: npt.NDArray[np.str_]
    near_kinds: npt.NDArray[np.str_]
    near_keys: Keys
    source_sets: npt.NDArray[np.str_]
    source_letters: npt.NDArray[np.str_]
    source_fonts: Integers


@dataclass(frozen=True)
class Conflict:
    """Font `font` has the same image for `shown` and, wrongly, `letter`; nearly the same if `near`."""

    font: int
    shown: str
    letter: str
    near: bool


@dataclass(frozen=True)
class Plan:
    """All decisions of a sample.

    Attributes:
        fonts: number of fonts of the large and the small set; each has one file for each letter.
        seed: seed of all random decisions.

    Raises:
        CurationError: a set is too small for the planted faults, or too large to have distinct names.
    """

    fonts: dict[str, int] = field(hash=False)
    seed: int

    def __post_init__(self) -> None:
        for set_name, fonts in self.fonts.items():
            if not FEWEST_FONTS <= fonts <= MOST_FONTS:
                raise CurationError(
                    f"cannot have {fonts} images for each letter.",
                    subject=f"rendered {set_name} set",
                    remedy=f"Ask for a number between {FEWEST_FONTS} and {MOST_FONTS}.",
                )

    def order(self, set_name: str, letter: str) -> Integers:
        """Return the font numbers of a letter in the order of the archive, different for each letter."""
        fonts = self.fonts[set_name]
        stride = int(below(self._keys(set_name, _ORDER, ord(letter)), 0, fonts)[0])
        while np.gcd(stride, fonts) != 1:
            stride += 1
        return np.arange(fonts) * stride % fonts

    def contents(self, set_name: str, letter: str, fonts: Integers) -> Contents:
        """Return the content of the files of `letter` in the fonts with the numbers `fonts` (n,)."""
        n = len(fonts)
        source_sets, source_fonts = self._sources(set_name, fonts)
        copied = source_fonts != NO_FONT
        origins = np.where(copied, source_fonts, fonts)
        characters, styles = self._original(set_name, letter, origins)
        of_large = source_sets == "large"
        if of_large.any():
            characters[of_large], styles[of_large] = self._original("large", letter, origins[of_large])

        letter_keys = self._keys(set_name, _LETTER, ord(letter), fonts)
        near = copied & chance(letter_keys, _IS_NEAR, _NEAR_COPIES)
        relations = np.where(copied, np.where(near, "near_duplicate", "exact_duplicate"), "").astype("U15")
        source_letters = np.where(copied, letter, "").astype("U1")
        for conflict in self._conflicts[set_name]:
            if conflict.letter == letter:
                rows = fonts == conflict.font
                characters[rows], relations[rows] = conflict.shown, "label_conflict"
                source_sets[rows], source_letters[rows] = set_name, conflict.shown
                source_fonts[rows] = conflict.font
                near |= rows & conflict.near
        faults = np.full(n, "", "U9")
        for font, (bad_letter, fault) in zip(self._unreadable_fonts(set_name), UNREADABLE[set_name], strict=True):
            if bad_letter == letter:
                faults[fonts == font] = fault
        kinds = np.array(NEAR_KINDS)[below(letter_keys, _NEAR_KIND, len(NEAR_KINDS))]
        return Contents(
            characters, styles, faults, relations, np.where(near, kinds, ""),
            self._keys(set_name, _NEAR, ord(letter), fonts), source_sets, source_letters, source_fonts,
        )  # fmt: skip

    def _keys(self, set_name: str, *parts: int | Integers) -> Keys:
        return keys(self.seed, SETS.index(set_name), *parts)

    def _original(self, set_name: str, letter: str, fonts: Integers) -> tuple[npt.NDArray[np.str_], Keys]:
        """Return characters and styles of files that are no copies."""
        letter_keys = self._keys(set_name, _LETTER, ord(letter), fonts)
        spared = np.isin(fonts, self._reserved[set_name])
        symbols = self._shows_symbols(set_name, fonts) & ~spared
        swapped = chance(letter_keys, _IS_SWAPPED, _SWAPPED_LETTERS[set_name]) & ~symbols & ~spared
        others = np.array([shown for shown in _CONFUSABLE if shown != letter])
        other = others[below(letter_keys, _SHOWN, len(others))]
        # There are as many symbols as letters, so that no letter of a symbol font repeats another.
        first = below(self._keys(set_name, _FONT, fonts), _FIRST_SYMBOL, len(_SYMBOLS))
        shown = np.where(symbols, _SYMBOLS[(first + LETTERS.index(letter)) % len(_SYMBOLS)], letter)
        characters = np.where(swapped, other, shown).astype("U1")
        # A swapped letter has another font: within one font it would equal the correct image.
        styles = np.where(
            swapped,
            self._keys(set_name, _OTHER_STYLE, ord(letter), fonts),
            self._keys(set_name, _STYLE, fonts),
        )
        return characters, styles

    def _shows_symbols(self, set_name: str, fonts: Integers) -> npt.NDArray[np.bool_]:
        return chance(self._keys(set_name, _FONT, fonts), _IS_SYMBOLS, _SYMBOL_FONTS[set_name])

    def _is_copy(self, set_name: str, fonts: Integers) -> npt.NDArray[np.bool_]:
        rate = _COPIES[set_name] + (_COPIES_OF_LARGE if set_name == "small" else 0)
        copied = chance(self._keys(set_name, _FONT, fonts), _IS_COPY, rate)
        # Font 0 is never a copy, so that every search for a source ends.
        free: npt.NDArray[np.bool_] = (fonts != 0) & ~np.isin(fonts, self._reserved[set_name])
        return copied & free

    def _sources(self, set_name: str, fonts: Integers) -> tuple[npt.NDArray[np.str_], Integers]:
        """Return set and font number of the source of each font; an empty set and NO_FONT if it is no copy."""
        font_keys = self._keys(set_name, _FONT, fonts)
        copied = self._is_copy(set_name, fonts)
        source_sets = np.where(copied, set_name, "").astype("U5")
        if set_name == "small":
            total = _COPIES["small"] + _COPIES_OF_LARGE
            source_sets[copied & (below(font_keys, _IS_OF_LARGE, total) < _COPIES_OF_LARGE)] = "large"
        source_fonts = np.where(copied, 0, NO_FONT)
        for source_set in SETS:
            open_rows = np.flatnonzero(source_sets == source_set)
            for attempt in range(_TRIES):
                if not len(open_rows):
                    break
                candidates = self._popular(font_keys[open_rows], attempt, self.fonts[source_set])
                good = ~self._is_copy(source_set, candidates)
                good &= ~np.isin(candidates, self._reserved[source_set])
                if set_name == "small":
                    # The original small set was cleaned by hand: it repeats no font with wrong labels.
                    good &= self._is_clean(source_set, candidates)
                source_fonts[open_rows[good]] = candidates[good]
                open_rows = open_rows[~good]
        return source_sets, source_fonts

    def _popular(self, font_keys: Keys, attempt: int, fonts: int) -> Integers:
        """Sample fonts, low numbers more often: popular fonts have many copies."""
        return below(font_keys, _SOURCE + 2 * attempt, below(font_keys, _SOURCE + 2 * attempt + 1, fonts) + 1)

    def _is_clean(self, set_name: str, fonts: Integers) -> npt.NDArray[np.bool_]:
        clean = ~self._shows_symbols(set_name, fonts)
        for letter in LETTERS:
            clean &= self._original(set_name, letter, fonts)[0] == letter
        return clean

    @cached_property
    def _reserved(self) -> dict[str, Integers]:
        """Fonts with a planted fault: they are no copies, are not copied, and have correct labels otherwise."""
        reserved = {}
        for set_name, fonts in self.fonts.items():
            wanted = len(UNREADABLE[set_name]) + self._conflict_count(set_name)
            order = np.argsort(self._keys(set_name, _RESERVED, np.arange(1, fonts)), kind="stable")
            reserved[set_name] = 1 + order[:wanted]
        return reserved

    def _unreadable_fonts(self, set_name: str) -> Integers:
        return self._reserved[set_name][: len(UNREADABLE[set_name])]

    def _conflict_count(self, set_name: str) -> int:
        return max(_FEWEST_CONFLICTS, self.fonts[set_name] // _FONTS_FOR_ONE_CONFLICT)

    @cached_property
    def _conflicts(self) -> dict[str, tuple[Conflict, ...]]:
        conflicts = {}
        for set_name in self.fonts:
            fonts = self._reserved[set_name][len(UNREADABLE[set_name]) :]
            sampled = self._keys(set_name, _CONFLICT, fonts)
            first = below(sampled, 0, len(_CONFUSABLE))
            second = (first + 1 + below(sampled, 1, len(_CONFUSABLE) - 1)) % len(_CONFUSABLE)
            conflicts[set_name] = tuple(
                Conflict(int(font), _CONFUSABLE[a], _CONFUSABLE[b], near=set_name == "large" and number % 4 == 1)
                for number, (font, a, b) in enumerate(zip(fonts, first, second, strict=True))
            )
        return conflicts
