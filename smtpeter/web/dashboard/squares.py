"""QR codes (ISO/IEC 18004) of up to 230 octets, drawn as SVG: a key for one-time codes is not typed, but photographed.

Octets as they are, the least correction (L), versions 1 to 9, in which all blocks are alike; and always the first mask: what
reads these codes takes any of the eight.
"""

from __future__ import annotations

import base64
from collections.abc import Iterator
from typing import NamedTuple


class Version(NamedTuple):
    """Octets of data and of correction in a block, how many blocks, and where alignment patterns are centred."""

    data: int
    correction: int
    blocks: int
    centres: tuple[int, ...]


_VERSIONS = (
    Version(19, 7, 1, ()), Version(34, 10, 1, (6, 18)), Version(55, 15, 1, (6, 22)), Version(80, 20, 1, (6, 26)),
    Version(108, 26, 1, (6, 30)), Version(68, 18, 2, (6, 34)), Version(78, 20, 2, (6, 22, 38)),
    Version(97, 24, 2, (6, 24, 42)), Version(116, 30, 2, (6, 26, 46)),
)  # fmt: skip
_BORDER = 4  # modules that stay white around it
_FORMAT = 0b01_000  # level L, mask 0
_FORMAT_CODE, _FORMAT_MASK = 0b101_0011_0111, 0b101_0100_0001_0010
_VERSION_CODE = 0b1_1111_0010_0101
_FIELD = 0x11D  # the polynomial of GF(256)

Matrix = list[list[bool | None]]  # rows of modules, True is dark; None until it is known


def image(text: str) -> str:
    """A data: URL of the code of a text; "" when it is too long for one."""
    matrix = modules(text.encode())
    if not matrix:
        return ""
    size = len(matrix) + 2 * _BORDER
    dark = "".join(
        f"M{x + _BORDER} {y + _BORDER}h1v1h-1z"
        for y, row in enumerate(matrix)
        for x, module in enumerate(row)
        if module
    )
    svg = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {size} {size}" shape-rendering="crispEdges">'
        f'<path fill="#fff" d="M0 0h{size}v{size}H0z"/><path d="{dark}"/></svg>'
    )
    return f"data:image/svg+xml;base64,{base64.b64encode(svg.encode()).decode('ascii')}"


def modules(octets: bytes) -> list[list[bool]]:
    """The rows of the code; [] when there is too much for one."""
    number = next((n for n, one in enumerate(_VERSIONS, 1) if len(octets) + 2 <= one.data * one.blocks), 0)
    if not number:
        return []
    version = _VERSIONS[number - 1]
    matrix = _patterns(number, version)
    places = _path(matrix)
    for (x, y), bit in zip(places, _bits(_codewords(octets, version)), strict=False):
        matrix[y][x] = bit
    return [
        [(module or False) ^ ((x + y) % 2 == 0 and (x, y) in places) for x, module in enumerate(row)]
        for y, row in enumerate(matrix)
    ]


# -- what is written -------------------------------------------------------------------------------------


def _codewords(octets: bytes, version: Version) -> bytes:
    """Mode, length, the octets, filled up; then, block by block, what corrects them; all interleaved."""
    room = version.data * version.blocks
    bits = f"0100{len(octets):08b}" + "".join(f"{octet:08b}" for octet in octets) + "0000"
    data = bytes(int(bits[at : at + 8], 2) for at in range(0, len(bits), 8))
    data += (b"\xec\x11" * room)[: room - len(data)]
    blocks = [data[at : at + version.data] for at in range(0, room, version.data)]
    corrections = [_correction(block, version.correction) for block in blocks]
    return bytes(
        octet for part in (blocks, corrections) for column in zip(*part, strict=True) for octet in column
    )


def _correction(block: bytes, number: int) -> bytes:
    """The remainder of the block by the generator polynomial (Reed-Solomon)."""
    generator = [1]
    root = 1
    for _ in range(number):
        shifted = [*generator, 0]
        for at, factor in enumerate(generator):
            shifted[at + 1] ^= _times(factor, root)
        generator, root = shifted, _times(root, 2)
    rest = [*block, *bytes(number)]
    for at in range(len(block)):
        factor = rest[at]
        for step, one in enumerate(generator):
            rest[at + step] ^= _times(one, factor)
    return bytes(rest[len(block) :])


def _times(one: int, other: int) -> int:
    """The product in GF(256)."""
    product = 0
    while other:
        if other & 1:
            product ^= one
        one = one << 1 ^ (_FIELD if one & 0x80 else 0)
        other >>= 1
    return product


def _bits(octets: bytes) -> Iterator[bool]:
    return (bool(octet >> place & 1) for octet in octets for place in range(7, -1, -1))


# -- where it is written ---------------------------------------------------------------------------------


def _patterns(number: int, version: Version) -> Matrix:
    """The patterns by which a code is found, and what it says of itself."""
    size = 17 + 4 * number
    matrix: Matrix = [[None] * size for _ in range(size)]
    for x, y in ((3, 3), (size - 4, 3), (3, size - 4)):
        _square(matrix, x, y, 4, (2, 4))
    corners = {(6, 6), (6, size - 7), (size - 7, 6)}
    for x in version.centres:
        for y in version.centres:
            if (x, y) not in corners:
                _square(matrix, x, y, 2, (1,))
    for at in range(8, size - 8):
        matrix[6][at] = matrix[at][6] = at % 2 == 0
    _say_format(matrix)
    if number > 6:
        _say_version(matrix, number)
    return matrix


def _square(matrix: Matrix, x: int, y: int, reach: int, light: tuple[int, ...]) -> None:
    """Rings around a centre, those at these distances light."""
    for row in range(max(0, y - reach), min(len(matrix), y + reach + 1)):
        for column in range(max(0, x - reach), min(len(matrix), x + reach + 1)):
            matrix[row][column] = max(abs(row - y), abs(column - x)) not in light


def _say_format(matrix: Matrix) -> None:
    bits = (_FORMAT << 10 | _remainder(_FORMAT, 10, _FORMAT_CODE)) ^ _FORMAT_MASK
    size = len(matrix)
    near = [(8, at) for at in (0, 1, 2, 3, 4, 5, 7, 8)] + [(at, 8) for at in (7, 5, 4, 3, 2, 1, 0)]
    far = [(size - 1 - at, 8) for at in range(8)] + [(8, size - 7 + at) for at in range(7)]
    for places in (near, far):
        for place, (x, y) in enumerate(places):
            matrix[y][x] = bool(bits >> place & 1)
    matrix[size - 8][8] = True


def _say_version(matrix: Matrix, number: int) -> None:
    bits = number << 12 | _remainder(number, 12, _VERSION_CODE)
    for place in range(18):
        along, across = place // 3, len(matrix) - 11 + place % 3
        matrix[along][across] = matrix[across][along] = bool(bits >> place & 1)


def _remainder(value: int, degree: int, code: int) -> int:
    """Of the value times x**degree, by the code's polynomial."""
    rest = value << degree
    for place in range(rest.bit_length() - 1, degree - 1, -1):
        if rest >> place & 1:
            rest ^= code << place - degree
    return rest


def _path(matrix: Matrix) -> dict[tuple[int, int], None]:
    """The places that are still free, in the order in which they are written: pairs of columns, up and down."""
    size = len(matrix)
    free: dict[tuple[int, int], None] = {}
    columns = [*range(size - 1, 6, -2), 5, 3, 1]
    for turn, right in enumerate(columns):
        rows = range(size - 1, -1, -1) if turn % 2 == 0 else range(size)
        for y in rows:
            for x in (right, right - 1):
                if matrix[y][x] is None:
                    free[x, y] = None
    return free
