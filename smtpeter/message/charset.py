"""Charsets of text parts: which codec reads a label, and what kind of charset it is.

Only labels in these tables are read; a label from a stranger never reaches Python's codec search, which would look
for modules of that name.
"""

from __future__ import annotations

from encodings.aliases import aliases

# Codecs of charsets that hold ASCII as it is, one octet a character.
_SINGLE = (
    frozenset(("ascii", "latin_1", "koi8_r", "koi8_u", "koi8_t", "kz1048", "ptcp154", "tis_620"))
    | {f"iso8859_{number}" for number in (*range(2, 12), 13, 14, 15, 16)}
    | {f"cp{number}" for number in (437, 737, 775, 850, 852, 855, 857, 858, 860, 861, 862, 863, 865, 866, 869)}
    | {f"cp{number}" for number in (874, *range(1250, 1259))}
    | {"mac_cyrillic", "mac_greek", "mac_iceland", "mac_latin2", "mac_roman", "mac_turkish"}
)  # fmt: skip
# Several octets a character, or escape sequences: ASCII outside of them.
_MULTIPLE = frozenset((
    "utf_8", "big5", "big5hkscs", "cp932", "cp949", "cp950", "euc_jp", "euc_jis_2004", "euc_jisx0213", "euc_kr",
    "gb2312", "gbk", "gb18030", "hz", "iso2022_jp", "iso2022_jp_1", "iso2022_jp_2", "iso2022_jp_2004", "iso2022_jp_3",
    "iso2022_jp_ext", "iso2022_kr", "johab", "shift_jis", "shift_jis_2004", "shift_jisx0213",
))  # fmt: skip
_WIDE = frozenset(("utf_16_le", "utf_16_be"))
_MORE_LABELS = {
    "windows_31j": "cp932", "x_sjis": "shift_jis", "ks_c_5601_1987": "cp949", "windows_949": "cp949", "x_gbk": "gbk",
    "windows_874": "cp874", "iso_8859_8_i": "iso8859_8",
}  # fmt: skip
_BYTE_ORDER_MARKS = {b"\xff\xfe": "utf_16_le", b"\xfe\xff": "utf_16_be"}


def codec(label: str, octets: bytes) -> str | None:
    """The Python codec for this label; None when it is unknown, or UTF-16 of an order that nothing tells.

    The codec never writes a byte order mark: where the text has one, it is its first character.
    """
    name = label.replace("-", "_").replace(" ", "")
    name = _MORE_LABELS.get(name) or aliases.get(name, name)
    if name == "utf_16":
        return _BYTE_ORDER_MARKS.get(octets[:2])
    return name if name in _SINGLE or name in _MULTIPLE or name in _WIDE else None


def is_single(codec: str) -> bool:
    """One octet a character, always."""
    return codec in _SINGLE


def is_wide(codec: str) -> bool:
    """ASCII characters are not their octets here: a token must be encoded."""
    return codec in _WIDE


def is_unicode(codec: str) -> bool:
    """A browser encodes a link's query in UTF-8 here; in other charsets it may use the charset itself."""
    return codec in _WIDE or codec in {"utf_8", "ascii"}
