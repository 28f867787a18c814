"""Inflates many small zlib streams of known size at once, compiled and without the GIL.

Belongs here: zlib (RFC 1950) and DEFLATE (RFC 1951). A stream is taken only if it is whole, fills its target exactly
and has the right Adler-32; zlib takes each of these too, but the reverse is not promised. Why a stream was not taken
is not told: ask zlib. Every read and write is bounded by an explicit check, whatever the bytes say.

Numba's cache does not notice a change in another file, so compiled functions call only their own file's.
"""

from typing import Any, Final

import numpy as np
import numpy.typing as npt
from numba import njit

WORD_MARGIN: Final = 16
"""Bytes that are readable after each stream: whole words are read."""

_ADLER_MODULUS: Final = np.int64(65521)

# Unsigned constants: in Numba an unsigned and a signed integer add up to a float.
_U0, _U1, _U2, _U3, _U4, _U7, _U8, _U15, _U16, _U56, _U63 = (
    np.uint64(n) for n in (0, 1, 2, 3, 4, 7, 8, 15, 16, 56, 63)
)

# An entry of a decoding table is value << 16 | kind | extra bits << 8 | code length; 0 is no entry.
_LITERAL: Final = np.uint64(0x1000)
_LENGTH: Final = np.uint64(0x2000)
_END_OF_BLOCK: Final = np.uint64(0x4000)
_INVALID: Final = np.uint64(0x8000)
_FAILED: Final = np.uint64(0)

_LONGEST_CODE: Final = 15
_TABLE_BITS: Final = 9
# RFC 1951, 3.2.7.
_PRECODE_ORDER: Final = np.array([16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15], np.int64)
_LITERALS: Final = 288
_DISTANCES: Final = 32
# Rows of the codes: literals with lengths, distances; the fixed ones follow.
_NEAR, _FAR, _FIXED = (np.uint64(n) for n in (0, 1, 2))


def _entries(first: int, base: int, extra_bits: list[int], size: int) -> npt.NDArray[np.uint32]:
    """Return `size` entries, invalid but for the symbols from `first` on, which stand for ranges from `base` on."""
    entries = np.full(size, int(_INVALID), np.uint32)
    for symbol, extra in enumerate(extra_bits, first):
        entries[symbol] = base << 16 | int(_LENGTH) | extra << 8
        base += 1 << extra
    return entries


def _literal_entries() -> npt.NDArray[np.uint32]:
    extra_bits = [0] * 8 + [bits for bits in range(1, 6) for _ in range(4)]
    entries = _entries(257, 3, extra_bits, _LITERALS)
    entries[285] = 258 << 16 | int(_LENGTH)
    entries[:256] = np.arange(256) << 16 | int(_LITERAL)
    entries[256] = int(_END_OF_BLOCK)
    return entries


_LITERAL_ENTRIES: Final = _literal_entries()
_DISTANCE_ENTRIES: Final = _entries(0, 1, [0] * 4 + [n for n in range(1, 14) for _ in range(2)], _DISTANCES)
_PRECODE_ENTRIES: Final = (np.arange(19) << 16).astype(np.uint32)
_REVERSED: Final = np.array([int(f"{code:0{_TABLE_BITS}b}"[::-1], 2) for code in range(1 << _TABLE_BITS)], np.int64)


@njit(cache=True, nogil=True)
def _load(source: Any, at: Any) -> Any:
    """Return eight bytes as a little-endian number; LLVM makes one load of it."""
    return (
        np.uint64(source[at])
        | np.uint64(source[at + _U1]) << np.uint64(8)
        | np.uint64(source[at + _U2]) << np.uint64(16)
        | np.uint64(source[at + _U3]) << np.uint64(24)
        | np.uint64(source[at + _U4]) << np.uint64(32)
        | np.uint64(source[at + np.uint64(5)]) << np.uint64(40)
        | np.uint64(source[at + np.uint64(6)]) << np.uint64(48)
        | np.uint64(source[at + _U7]) << np.uint64(56)
    )


@njit(cache=True, nogil=True)
def _store(target: Any, at: Any, word: Any) -> None:
    target[at] = word
    target[at + _U1] = word >> np.uint64(8)
    target[at + _U2] = word >> np.uint64(16)
    target[at + _U3] = word >> np.uint64(24)
    target[at + _U4] = word >> np.uint64(32)
    target[at + np.uint64(5)] = word >> np.uint64(40)
    target[at + np.uint64(6)] = word >> np.uint64(48)
    target[at + _U7] = word >> _U56


@njit(cache=True, nogil=True)
def _adler32(data: Any) -> Any:
    """Return the Adler-32 of a short array; as two plain sums, which the compiler turns into vectors."""
    total = np.int64(1)
    weighted = np.int64(len(data))
    for i in range(len(data)):
        total += np.int64(data[i])
        weighted += np.int64(data[i]) * (len(data) - i)
    return np.uint64((weighted % _ADLER_MODULUS) << 16 | total % _ADLER_MODULUS)


@njit(cache=True, nogil=True)
def _build(lengths: Any, first: Any, size: Any, entries: Any, single: bool, codes: Any, row: Any) -> Any:
    """Build the decoding table of a canonical Huffman code; return its index mask, 0 if the lengths make no valid code.

    Args:
        lengths: code length of each symbol, 0 when unused.
        first: where in `lengths` the first symbol is.
        size: number of symbols.
        entries: what a symbol stands for, as `_entries` makes it.
        single: whether a code of at most one symbol, one bit long, passes, as it does for zlib.
        codes: as `_scratch` makes them.
        row: of `codes`, to be filled. The table takes entry | code length; codes longer than `_TABLE_BITS` leave
            zeros in it.
    """
    counts, symbols, tables, places, present = codes
    for n in range(_LONGEST_CODE + 1):
        counts[row, n] = 0
    used = _U0
    for i in range(size):
        # Written even where it does not count: a branch would be hard to predict.
        present[used] = i
        used += _U1 if lengths[first + np.uint64(i)] else _U0
    for i in range(used):
        counts[row, lengths[first + np.uint64(present[i])]] += _U1
    left = np.int64(1)
    longest = 1
    place = _U0
    for n in range(1, _LONGEST_CODE + 1):
        left = 2 * left - np.int64(counts[row, n])
        if left < 0:
            return _U0
        if counts[row, n]:
            longest = n
        places[n] = place
        place += counts[row, n]
    if left > 0 and not (single and (used == _U0 or (used == _U1 and counts[row, 1] == _U1))):
        return _U0
    for i in range(used):
        symbol = present[i]
        n = lengths[first + np.uint64(symbol)]
        place = places[n]
        symbols[row, place] = symbol
        places[n] = place + _U1
    width = min(longest, _TABLE_BITS)
    tables[row, 0] = 0
    word = _U0
    index = _U0
    for n in range(1, width + 1):
        half = 1 << (n - 1)
        for i in range(half):
            tables[row, half + i] = tables[row, i]
        word <<= _U1
        shift = np.uint64(_TABLE_BITS - n)
        for _ in range(counts[row, n]):
            tables[row, _REVERSED[word] >> shift] = entries[symbols[row, index]] | np.uint32(n)
            word += _U1
            index += _U1
    return (_U1 << np.uint64(width)) - _U1


@njit(cache=True, nogil=True)
def _find(bits: Any, entries: Any, codes: Any, row: Any) -> Any:
    """Return the entry of a code that is longer than the table's index, bit by bit; 0 if there is none."""
    counts, symbols, _, _, _ = codes
    word = np.int64(0)
    first = np.int64(0)
    index = np.int64(0)
    for n in range(1, _LONGEST_CODE + 1):
        word |= np.int64((bits >> np.uint64(n - 1)) & _U1)
        count = np.int64(counts[row, n])
        if word - first < count:
            return np.uint64(entries[symbols[row, index + word - first]] | np.uint32(n))
        index += count
        first = (first + count) << 1
        word <<= 1
    return _U0


@njit(cache=True, nogil=True)
def _scratch() -> Any:
    """Return what decoding one image after the other uses again and again: codes, the fixed ones built, and lengths.

    Codes are, with a row for each: the number of symbols of each length, the used symbols in the order of their codes,
    the tables. Then room for building one: where each length's symbols go, and the used symbols in their own order, one
    more than there are, since each is written before it is known to count.
    """
    codes = (
        np.empty((4, _LONGEST_CODE + 1), np.uint64),
        np.empty((4, _LITERALS), np.uint16),
        np.empty((4, 1 << _TABLE_BITS), np.uint32),
        np.empty(_LONGEST_CODE + 1, np.uint64),
        np.empty(_LITERALS + 1, np.uint16),
    )
    lengths = np.empty(_LITERALS + _DISTANCES, np.uint8)
    lengths[:144] = 8
    lengths[144:256] = 9
    lengths[256:280] = 7
    lengths[280:288] = 8
    lengths[288:] = 5
    mask = _build(lengths, _U0, _LITERALS, _LITERAL_ENTRIES, False, codes, _FIXED + _NEAR)
    far_mask = _build(lengths, np.uint64(_LITERALS), _DISTANCES, _DISTANCE_ENTRIES, False, codes, _FIXED + _FAR)
    return codes, lengths, mask, far_mask


@njit(cache=True, nogil=True)
def _inflate(source: Any, start: Any, end: Any, window: Any, scratch: Any, raw: Any) -> Any:
    """Inflate the DEFLATE data in source[start:end] into `raw`, which it must fill exactly.

    Words are read up to 16 bytes after `end`. Returns the position after the data, 0 on failure.
    """
    codes, lengths, fixed_mask, fixed_far_mask = scratch
    tables = codes[2]
    bits = _U0
    held = _U0
    at = start
    filled = _U0
    last_load = end + _U8
    room = np.uint64(len(raw))
    final = False
    while not final:
        if at > last_load:
            return _FAILED
        bits |= _load(source, at) << held
        at += (_U63 - held) >> _U3
        held |= _U56
        final = (bits & _U1) == _U1
        kind = (bits >> _U1) & _U3
        bits >>= _U3
        held -= _U3
        if kind == _U0:
            at -= held >> _U3
            bits = _U0
            held = _U0
            if at + _U4 > end:
                return _FAILED
            size = np.uint64(source[at]) | np.uint64(source[at + _U1]) << _U8
            inverse = np.uint64(source[at + _U2]) | np.uint64(source[at + _U3]) << _U8
            at += _U4
            if size ^ inverse != np.uint64(0xFFFF) or size > end - at or size > room - filled:
                return _FAILED
            for _ in range(size):
                raw[filled] = source[at]
                filled += _U1
                at += _U1
            continue
        if kind == _U1:
            near, far, mask, far_mask = _FIXED + _NEAR, _FIXED + _FAR, fixed_mask, fixed_far_mask
        elif kind == _U2:
            n_literals = np.int64(bits & np.uint64(31)) + 257
            n_distances = np.int64((bits >> np.uint64(5)) & np.uint64(31)) + 1
            n_precode = np.int64((bits >> np.uint64(10)) & _U15) + 4
            bits >>= np.uint64(14)
            held -= np.uint64(14)
            if n_literals > 286 or n_distances > 30:
                return _FAILED
            for i in range(19):
                lengths[i] = 0
            for i in range(n_precode):
                if held < _U3:
                    if at > last_load:
                        return _FAILED
                    bits |= _load(source, at) << held
                    at += (_U63 - held) >> _U3
                    held |= _U56
                lengths[_PRECODE_ORDER[i]] = bits & _U7
                bits >>= _U3
                held -= _U3
            near, far = _NEAR, _FAR
            mask = _build(lengths, _U0, 19, _PRECODE_ENTRIES, False, codes, near)
            if mask == _U0:
                return _FAILED
            n = _U0
            total = np.uint64(n_literals + n_distances)
            while n < total:
                if at > last_load:
                    return _FAILED
                bits |= _load(source, at) << held
                at += (_U63 - held) >> _U3
                held |= _U56
                entry = np.uint64(tables[near, bits & mask])
                bits >>= entry & _U63
                held -= entry & _U63
                symbol = entry >> _U16
                if symbol < _U16:
                    lengths[n] = symbol
                    n += _U1
                    continue
                value = np.uint8(0)
                if symbol == _U16:
                    if n == _U0:
                        return _FAILED
                    value = lengths[n - _U1]
                    repeat = _U3 + (bits & _U3)
                    width = _U2
                elif symbol == np.uint64(17):
                    repeat = _U3 + (bits & _U7)
                    width = _U3
                else:
                    repeat = np.uint64(11) + (bits & np.uint64(127))
                    width = _U7
                bits >>= width
                held -= width
                if n + repeat > total:
                    return _FAILED
                for _ in range(repeat):
                    lengths[n] = value
                    n += _U1
            if lengths[256] == 0:
                return _FAILED
            mask = _build(lengths, _U0, n_literals, _LITERAL_ENTRIES, False, codes, near)
            far_mask = _build(lengths, np.uint64(n_literals), n_distances, _DISTANCE_ENTRIES, True, codes, far)
            if mask == _U0 or far_mask == _U0:
                return _FAILED
        else:
            return _FAILED
        while True:
            # Always loading is cheaper than a branch that is hard to predict. 56 bits are enough for three literals of
            # the table and what follows them there, or for the longest pair of length and distance, 15 + 5 + 15 + 13.
            if at > last_load:
                return _FAILED
            bits |= _load(source, at) << held
            at += (_U63 - held) >> _U3
            held |= _U56
            entry = np.uint64(tables[near, bits & mask])
            if entry & _LITERAL and room - filled >= _U3:
                for _ in range(3):
                    raw[filled] = entry >> _U16
                    filled += _U1
                    bits >>= entry & _U63
                    held -= entry & _U63
                    entry = np.uint64(tables[near, bits & mask])
                    if not entry & _LITERAL:
                        break
                if at > last_load:
                    return _FAILED
                bits |= _load(source, at) << held
                at += (_U63 - held) >> _U3
                held |= _U56
            if entry == _U0:
                entry = _find(bits, _LITERAL_ENTRIES, codes, near)
            bits >>= entry & _U63
            held -= entry & _U63
            if entry & _LITERAL:
                if filled >= room:
                    return _FAILED
                raw[filled] = entry >> _U16
                filled += _U1
                continue
            if entry & _END_OF_BLOCK:
                break
            if not entry & _LENGTH:
                return _FAILED
            width = (entry >> _U8) & _U15
            length = (entry >> _U16) + (bits & ((_U1 << width) - _U1))
            bits >>= width
            held -= width
            entry = np.uint64(tables[far, bits & far_mask])
            if entry == _U0:
                entry = _find(bits, _DISTANCE_ENTRIES, codes, far)
            if not entry & _LENGTH:
                return _FAILED
            bits >>= entry & _U63
            held -= entry & _U63
            width = (entry >> _U8) & _U15
            distance = (entry >> _U16) + (bits & ((_U1 << width) - _U1))
            bits >>= width
            held -= width
            if distance > filled or distance > window or length > room - filled:
                return _FAILED
            end_of_copy = filled + length
            if (distance >= _U8 or distance == _U1) and end_of_copy + _U8 <= room:
                if distance == _U1:
                    word = np.uint64(raw[filled - _U1]) * np.uint64(0x0101010101010101)
                    while filled < end_of_copy:
                        _store(raw, filled, word)
                        filled += _U8
                else:
                    while filled < end_of_copy:
                        _store(raw, filled, _load(raw, filled - distance))
                        filled += _U8
                filled = end_of_copy
            else:
                for _ in range(length):
                    raw[filled] = raw[filled - distance]
                    filled += _U1
    return at - (held >> _U3) if filled == room else _FAILED


@njit(cache=True, nogil=True)
def _inflate_zlib(source: Any, start: Any, size: Any, scratch: Any, raw: Any) -> bool:
    if size < _U8:
        return False
    method = np.uint64(source[start])
    flags = np.uint64(source[start + _U1])
    # Method 8, a window of at most 32 KB, no preset dictionary, check bits.
    if method & _U15 != _U8 or method >> _U4 > _U7 or flags & np.uint64(32):
        return False
    if (method << _U8 | flags) % np.uint64(31) != _U0:
        return False
    window = _U1 << ((method >> _U4) + _U8)
    end = start + size - _U4
    if _inflate(source, start + _U2, end, window, scratch, raw) != end:
        return False
    adler = _U0
    for i in range(4):
        adler = adler << _U8 | np.uint64(source[end + np.uint64(i)])
    return bool(adler == _adler32(raw))


@njit(cache=True, nogil=True)
def _inflate_all(source: Any, starts: Any, sizes: Any, raw: Any, whole: Any) -> None:
    scratch = _scratch()
    for i in range(len(starts)):
        whole[i] = starts[i] >= 0 and _inflate_zlib(source, np.uint64(starts[i]), np.uint64(sizes[i]), scratch, raw[i])


def inflate_all(
    source: npt.NDArray[np.uint8],
    starts: npt.NDArray[np.int64],
    sizes: npt.NDArray[np.int64],
    raw: npt.NDArray[np.uint8],
) -> npt.NDArray[np.bool_]:
    """Inflate zlib streams that lie in one buffer.

    Args:
        source: uint8 (bytes,), contiguous and writable (so that one compiled version serves all calls).
        starts: int64 (n,), where each stream starts in `source`; a negative start is passed over.
        sizes: int64 (n,), bytes of each stream. `WORD_MARGIN` bytes of `source` must follow each.
        raw: uint8 (n, inflated bytes), contiguous; row i is filled when stream i is whole, else undefined.

    Returns:
        bool (n,): which streams were inflated.

    Raises:
        ValueError: a stream with its margin does not lie inside `source`, or the shapes do not fit together.
    """
    if starts.shape != sizes.shape or raw.shape[:1] != starts.shape:
        raise ValueError(f"{starts.shape} starts, {sizes.shape} sizes, {raw.shape} raw bytes")
    used = starts >= 0
    if np.any(sizes[used] < 0) or np.any(sizes[used] > len(source) - WORD_MARGIN - starts[used]):
        raise ValueError("a stream lies outside of the buffer")
    whole = np.zeros(len(starts), np.bool_)
    _inflate_all(source, starts, sizes, raw, whole)
    return whole
