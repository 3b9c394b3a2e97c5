"""Leaves: decoding with a proof, and character changes that come out as octets of the same encoding."""

import binascii
import quopri
import re

import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from smtpeter.message import charset, content
from smtpeter.message.edit import Edit, Literal, Slot, SlotKind, compile_template
from smtpeter.rewrite import leaf, quoted
from smtpeter.rewrite.change import Change, LeftAlone
from smtpeter.rewrite.render import render
from smtpeter.rewrite.stretches import Stretches
from tests.rewrite.corpus import message, multipart, part, token

SLOT = Slot(SlotKind.CLICK, 7)
TOKEN = token("click", 7)


def changed(raw, changes, path="1"):
    """The message after the changes of its leaf at `path`."""
    (found,) = (one for one in content.leaves(raw) if one.path == path)
    edits = leaf.compile_changes(raw, leaf.read(raw, found), changes, Stretches())
    return render(raw, compile_template(len(raw), edits), token)


def text_of(raw):
    return leaf.read(raw, content.leaves(raw)[0]).text


def body(raw):
    return raw.partition(b"\r\n\r\n")[2]


CHARSETS = {
    "us-ascii": "plain <x> text",
    "utf-8": "Grüße <x> 漢字 😀",
    "iso-8859-1": "Grüße <x> ÿ",
    "iso-8859-15": "10 € <x>",
    "windows-1252": "“Grüße” <x> €",
    "koi8-r": "Привет <x> мир",
    "iso-2022-jp": "日本 <x> 語の本",
    "shift_jis": "日本ソ <x> 表",
    "euc-jp": "日本 <x> 語",
    "gb2312": "中文 <x> 字",
    "gb18030": "中文 <x> 😀",
    "big5": "中文 <x> 許功蓋",
    "euc-kr": "한국 <x> 어",
    "iso-2022-kr": "한국 <x> 어",
    "utf-16le": "Grüße <x> 😀",
    "utf-16": "Grüße <x> 😀",
}


@pytest.mark.row(78)
@pytest.mark.parametrize("encoding", ["8bit", "quoted-printable", "base64"])
@pytest.mark.parametrize(("label", "text"), CHARSETS.items())
def test_charset_and_encoding_are_kept(label, text, encoding):
    raw = message(text + "\r\n", charset=label, encoding=encoding)
    if encoding == "quoted-printable" and (label.startswith("utf-16") or label == "iso-2022-kr"):
        raw = (
            raw.partition(b"\r\n\r\n")[0]
            + b"\r\n\r\n"
            + binascii.b2a_qp(body(message(text, charset=label)), istext=False)
        )
        raw = raw.replace(b"=\n", b"=\r\n")
    shown = text_of(raw)
    at = shown.index("<x>")
    try:
        result = changed(raw, [Change(at, at + 3, ("<", SLOT, ">"))])
    except LeftAlone:
        assert (
            label == "iso-2022-kr"
        )  # its header escape stands once, before all text, so no piece stands alone
        return
    assert raw.partition(b"\r\n\r\n")[0] == result.partition(b"\r\n\r\n")[0]
    assert shown.replace("<x>", f"<{TOKEN}>") == text_of(result)


@pytest.mark.parametrize("charset_name", ["utf-16", "utf-16be"])
def test_tokens_in_utf_16_are_encoded(charset_name):
    raw = message("<x>", charset=charset_name, encoding="base64")
    result = changed(raw, [Change(text_of(raw).index("x"), len(text_of(raw)) - 1, (SLOT,))])
    assert text_of(raw).replace("x", TOKEN) == text_of(result)


@pytest.mark.parametrize(
    ("raw", "why"),
    [
        (b"Content-Type: text/html\r\n\r\n\xfc", "charset"),
        (b"Content-Type: text/html; charset=utf-8\r\n\r\n\xfc", "charset"),
        (b"Content-Type: text/html; charset=x-unheard-of\r\n\r\na", "not known"),
        (b"Content-Type: text/html; charset=rot13\r\n\r\na", "not known"),
        (b"Content-Type: text/html; charset=utf-7\r\n\r\na", "not known"),
        (b"Content-Type: text/html; charset=unicode_escape\r\n\r\na", "not known"),
        (b"Content-Type: text/html; charset=utf-16\r\n\r\na\x00", "not known"),
        (b"Content-Type: text/html\r\nContent-Transfer-Encoding: x-uuencode\r\n\r\na", "not known"),
        (b"Content-Type: text/html\r\nContent-Transfer-Encoding: base64\r\n\r\nYQ", "base64"),
        (b"Content-Type: text/html\r\nContent-Transfer-Encoding: base64\r\n\r\nYQ==YQ==", "base64"),
        (b"Content-Type: text/html\r\nContent-Transfer-Encoding: base64\r\n\r\nY!Q==", "base64"),
        (b"Content-Type: text/html\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\na=b", "quoted-printable"),
        (b"Content-Type: text/html\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n==", "quoted-printable"),
        (b"Content-Type: text/html\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\na \r\nb", "blank"),
        (b"Content-Type: text/html\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\na= \r\nb", "quoted-printable"),
        (b"Content-Type: text/html\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\na=\nb", "in no CRLF"),
        (b"Content-Type: text/html\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\na=41=\r", "in no CRLF"),
        (b"Content-Type: text/html\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n" + b"=\r\n" * 500, "quoted"),
        (b"Content-Type: text/html\r\nContent-Disposition: attachment\r\n\r\na", "attachment"),
    ],
)  # fmt: skip
def test_what_cannot_be_read_surely_is_left_alone(raw, why):
    with pytest.raises(LeftAlone, match=why):
        text_of(raw)


def test_redundant_escape_sequences_cannot_be_proved():
    """Two shifts to kanji where one would do: encoded again, it would lose one."""
    raw = b"Content-Type: text/html; charset=iso-2022-jp\r\n\r\n\x1b$B\x1b$BF|K\\\x1b(B <x>"
    with pytest.raises(LeftAlone, match="would not come out"):
        changed(raw, [Change(text_of(raw).index("x"), text_of(raw).index("x") + 1, ("y",))])


def test_unchanged_characters_in_shift_jis_may_have_a_backslash_octet():
    raw = message("ソ<x>ソ", charset="shift_jis")
    assert b"\x83\\<y>\x83\\" == body(changed(raw, [Change(2, 3, ("y",))]))


def test_changes_that_overlap_are_refused():
    raw = message("abcdef")
    with pytest.raises(ValueError, match="two changes"):
        changed(raw, [Change(0, 3, ()), Change(2, 4, ())])


def test_no_changes_make_no_edits():
    raw = message("abc")
    assert raw == changed(raw, [])


@pytest.mark.row(78)
@pytest.mark.parametrize("encoding", ["7bit", "8bit", None])
def test_lines_that_would_become_too_long_become_quoted_printable(encoding):
    text = "é".encode() if encoding == "8bit" else b"e"
    field = f"Content-Transfer-Encoding: {encoding}\r\n".encode() if encoding else b""
    raw = (
        b"Content-Type: text/html; charset=utf-8\r\n"
        + field
        + b"X: y\r\n\r\nfirst -- \r\n-"
        + b"a" * 980
        + b"<x> "
        + text
        + b"\r\n"
    )
    at = text_of(raw).index("x")
    result = changed(raw, [Change(at, at + 1, ("y=", SLOT))])
    head = result.partition(b"\r\n\r\n")[0]
    assert 1 == head.count(b"Content-Transfer-Encoding: quoted-printable")
    assert b"bit" not in head
    assert text_of(raw).replace("x", "y=" + TOKEN) == text_of(result)
    assert 76 >= max(map(len, body(result).split(b"\r\n")))
    assert (0 if encoding else 1) == head.count(b"MIME-Version: 1.0")
    assert body(result).endswith(b"\r\n")


def test_a_field_is_added_to_a_part_without_mime_version():
    raw = multipart("mixed", part("text/html", b"a" * 990 + b"<x>"))
    result = changed(raw, [Change(991, 992, ("y" * 20,))])
    assert 1 == result.count(b"MIME-Version")
    assert b"Content-Type: text/html\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n" in result
    assert result.endswith(b"\r\n--=_b--\r\n")


def test_a_long_line_that_no_change_touches_stays():
    raw = message("a" * 998 + "\r\n<x>\r\n")
    assert raw.replace(b"<x>", b"<yy>") == changed(raw, [Change(1001, 1002, ("yy",))])


def test_several_changes_of_one_line_count_together():
    raw = message("<x>" * 4 + "a" * 970)
    changes = [Change(1 + 3 * n, 2 + 3 * n, ("y" * 6,)) for n in range(4)]
    assert raw == changed(raw, [])
    assert b"8bit" in changed(raw, changes[:3])
    assert b"quoted-printable" in changed(raw, changes)


def test_8_bit_text_put_into_a_7_bit_leaf_becomes_quoted_printable():
    raw = message("<x>", encoding="7bit")
    result = changed(raw, [Change(1, 2, ("é",))])
    assert b"Content-Transfer-Encoding: quoted-printable\r\n\r\n<=C3=A9>" in result


def test_utf_16_lines_that_would_become_too_long_are_left_alone():
    raw = message("a" * 490 + "<x>", charset="utf-16le")
    with pytest.raises(LeftAlone, match="too long"):
        changed(raw, [Change(491, 492, (SLOT,))])


def test_base64_keeps_the_line_ends_after_it():
    raw = message("<x>", encoding="base64") + b"\r\n\r\n"
    result = changed(raw, [Change(1, 2, ("y" * 100,))])
    assert result.endswith((b"=\r\n\r\n\r\n", b"\r\n\r\n\r\n"))
    assert 76 == max(map(len, body(result).split(b"\r\n")))
    assert "<" + "y" * 100 + ">" == text_of(result)


# quoted-printable

WRITTEN = st.lists(
    st.sampled_from(["a", "b" * 30, "=3D", "=C3=A9", "=\r\n", "\r\n", "-", "--x", "<x>", ".", "=0D=0A", "=3d", "z" * 70, " y", "\xe9"]),
    max_size=40,
).map(lambda pieces: "".join(pieces).encode("latin-1"))  # fmt: skip


def decodes(raw):
    try:
        quoted.decode(raw)
    except LeftAlone:
        return False
    return True


@settings(max_examples=250)
@given(WRITTEN.filter(decodes), st.data())
def test_places_are_found_again(raw, data):
    decoded = quoted.decode(raw)
    places = sorted(data.draw(st.lists(st.integers(0, len(decoded)), max_size=8)))
    finder = quoted.Places(b"\n" + raw, 1, len(raw) + 1)
    for place in places:
        start = finder.start_of(place) - 1
        assert decoded[:place] == quoted.decode(raw[:start]) if decodes(raw[:start]) else True
        assert decoded[place:] == quopri.decodestring(raw[start:])
        assert not raw[start:].startswith(b"=\r\n")


@settings(max_examples=250)
@given(WRITTEN.filter(decodes), st.data())
def test_changes_of_quoted_printable_change_nothing_else(raw, data):
    decoded = quoted.decode(raw)
    between_lines = [n for n in range(len(decoded) + 1) if decoded[max(n - 1, 0) : n + 1] != b"\r\n"]
    ends = sorted(data.draw(st.lists(st.sampled_from(between_lines), max_size=8, unique=True)))
    assume(len(ends) > 1)
    pieces = st.sampled_from(
        [(), (Literal(b"--new=\xe9"),), (SLOT,), (Literal(b"n" * 100), SLOT, Literal(b"-/x"))]
    )
    changes = [(first, last, data.draw(pieces)) for first, last in zip(ends[::2], ends[1::2], strict=False)]
    edits = quoted.change(b"\n" + raw, 1, len(raw) + 1, changes)
    result = render(b"\n" + raw, compile_template(len(raw) + 1, edits), token)[1:]
    expected, position = b"", 0
    for first, last, new in changes:
        filled = b"".join(one.data if isinstance(one, Literal) else TOKEN.encode() for one in new)
        expected, position = expected + decoded[position:first] + filled, last
    assert expected + decoded[position:] == quopri.decodestring(result)
    longest = max(map(len, raw.split(b"\r\n")))
    if longest <= 70:
        assert 76 >= max(map(len, result.split(b"\r\n")))
    else:
        assert longest + 80 >= max(map(len, result.split(b"\r\n")))


def test_octets_outside_the_change_stay_as_they_came():
    raw = message("", encoding="quoted-printable") + b"=41=3d a <x> lower=c3=a9 =\r\nrest\r\n=20"
    text = text_of(raw)
    result = changed(raw, [Change(text.index("x"), text.index("x") + 1, ("=",))])
    assert raw.replace(b"<x>", b"<=3D>") == result


def test_a_soft_break_inside_the_change_goes_and_one_before_it_stays():
    raw = message("", encoding="quoted-printable") + b'<a href=3D"=\r\nhttp://=\r\nx/">'
    at = text_of(raw).index("http")
    result = changed(raw, [Change(at, at + 9, ("new",))])
    assert b'<a href=3D"=\r\nnew">' == body(result)


@pytest.mark.parametrize("filling", range(20, 80))
def test_no_line_starts_like_a_delimiter(filling):
    """Wherever the break falls, a hyphen after it is escaped (RFC 2046 5.1.1)."""
    raw = message("", encoding="quoted-printable") + b"a" * (filling % 70) + b"<x>--b-" + b"c" * 20
    at = text_of(raw).index("x")
    result = body(changed(raw, [Change(at, at + 1, ("-" * filling,))]))
    assert not any(line.startswith(b"-") for line in result.split(b"\r\n")[1:])
    assert 76 >= max(map(len, result.split(b"\r\n")))


def test_a_soft_break_that_lost_its_line_end_stays():
    raw = multipart("mixed", part("text/html", b"<x>=", "Content-Transfer-Encoding: quoted-printable"))
    assert raw.replace(b"<x>", b"<y>") == changed(raw, [Change(1, 2, ("y",))])


@settings(max_examples=300)
@given(
    st.lists(
        st.sampled_from(
            [b"a", b" ", b"\t", b"\r\n", b"=", b"-", b"\xe9", b"\x00", b"." * 80, b"--" * 40, b"x" * 76]
        ),
        max_size=30,
    )
)
@example([b"x" * 76])
@example([b" "])
@example([b"\xe9"] * 30)
def test_the_encoder_is_understood_by_others(pieces):
    octets = b"".join(pieces)
    encoded = quoted.encode(octets)
    assert octets == binascii.a2b_qp(encoded) == quoted.decode(encoded)
    assert 76 >= max(map(len, encoded.split(b"\r\n")))
    assert encoded.isascii()
    assert not re.search(rb"[ \t](\r\n|\Z)|=\r\n-", encoded)


@settings(max_examples=200)
@given(
    st.text(),
    st.sampled_from(sorted(charset._SINGLE | charset._MULTIPLE | charset._WIDE)),
    st.integers(0, 50),
)
def test_pieces_in_any_charset_give_back_the_octets_or_are_refused(text, codec, at):
    octets = text.encode(codec, "ignore")
    shown = octets.decode(codec, "ignore")
    read = leaf.Leaf(content.leaves(message(""))[0], octets, shown, codec)
    at = min(at, len(shown))
    try:
        ((start, end, _),) = leaf._octet_changes(read, [Change(at, at, ("x",))])
    except (LeftAlone, UnicodeEncodeError):
        return
    assert start == end
    assert shown[:at] == octets[:start].decode(codec)
    assert shown[at:] == octets[start:].decode(codec)


def test_every_codec_in_the_tables_exists():
    for name in sorted(charset._SINGLE | charset._MULTIPLE | charset._WIDE):
        assert "x" == "x".encode(name).decode(name)
        assert name == charset.codec(name, b"")


@pytest.mark.parametrize("name", sorted(charset._SINGLE))
def test_single_octet_charsets_have_one_character_an_octet(name):
    for octet in range(256):
        assert 1 == len(bytes([octet]).decode(name, "replace"))
    assert bytes(range(128)) == bytes(range(128)).decode(name, "replace").encode(name, "replace")


def test_edits_of_an_8_bit_leaf_are_the_changes_themselves():
    raw = message("<x>")
    read = leaf.read(raw, content.leaves(raw)[0])
    start = read.part.start
    assert [Edit(start + 1, start + 2, (Literal(b"y"), SLOT))] == leaf.compile_changes(
        raw, read, [Change(1, 2, ("y", SLOT))], Stretches()
    )


@pytest.mark.parametrize(
    ("label", "octets", "codec"),
    [
        ("utf-8", b"", "utf_8"),
        ("utf8", b"", "utf_8"),
        ("latin1", b"", "latin_1"),
        ("iso_8859-1:1987", b"", None),
        ("windows-1252", b"", "cp1252"),
        ("iso-8859-8-i", b"", "iso8859_8"),
        ("windows-874", b"", "cp874"),
        ("ks_c_5601-1987", b"", "cp949"),
        ("utf-16", b"\xff\xfe", "utf_16_le"),
        ("utf-16", b"\xfe\xff", "utf_16_be"),
        ("utf-16", b"", None),
        ("base64", b"", None),
        ("../../etc", b"", None),
        ("", b"", None),
    ],
)
def test_labels_of_charsets(label, octets, codec):
    assert codec == charset.codec(label, octets)
