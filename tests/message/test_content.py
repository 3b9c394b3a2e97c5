"""MIME parts by offset: what is found, what is sealed, and that nothing is ever raised."""

import email
import email.policy
import itertools
import re
import time
import tracemalloc

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from smtpeter.message import content
from smtpeter.message.content import Seal


def message(*lines):
    return "\r\n".join(lines).encode()


def shown(raw):
    return [
        (part.path, part.content_type, raw[part.start : part.end], part.seal) for part in content.leaves(raw)
    ]


ALTERNATIVE = (
    'Content-Type: multipart/alternative; boundary="in"',
    "",
    "--in",
    "",
    "hello",
    "--in",
    "Content-Type: text/html; charset=UTF-8",
    "Content-Transfer-Encoding: Quoted-Printable",
    "",
    "<b>",
    "--in--",
)


def test_a_message_without_structure_is_one_leaf():
    raw = message("Subject: x", "", "text", "")
    assert [("1", "text/plain", b"text\r\n", Seal.NONE)] == shown(raw)
    (leaf,) = content.leaves(raw)
    assert ("us-ascii", "7bit") == (leaf.charset, leaf.encoding)
    assert raw[: leaf.header_end] == b"Subject: x\r\n"


def test_parts_are_numbered_and_end_before_the_line_end_of_their_delimiter():
    raw = message('Content-Type: multipart/mixed; boundary="out"', "", "preamble", "--out", *ALTERNATIVE, "--out  ",
                  "Content-Type: image/png", "", "x", "", "--out--", "epilogue", "--out", "", "no part")  # fmt: skip
    assert [
        ("1.1", "text/plain", b"hello", Seal.NONE),
        ("1.2", "text/html", b"<b>", Seal.NONE),
        ("2", "image/png", b"x\r\n", Seal.NONE),
    ] == shown(raw)
    assert ["", "1", "1.1", "1.2", "2"] == [part.path for part in content.parts(raw)]
    html = content.leaves(raw)[1]
    assert ("utf-8", "quoted-printable") == (html.charset, html.encoding)


def test_an_empty_part_is_empty():
    raw = message("Content-Type: multipart/mixed; boundary=b", "", "--b", "", "--b", "", "", "--b--")
    assert [b"", b""] == [body for _, _, body, _ in shown(raw)]


@pytest.mark.row(79)
@pytest.mark.parametrize(
    ("outer", "seal"),
    [
        ("multipart/signed; micalg=sha-256", Seal.SIGNED),
        ("multipart/encrypted", Seal.ENCRYPTED),
        ("multipart/report; report-type=delivery-status", Seal.REPORT),
        ("MULTIPART/Mixed", Seal.NONE),
    ],
)
def test_what_stands_inside_something_sealed_is_sealed(outer, seal):
    raw = message(f"Content-Type: {outer}; boundary=out", "", "--out", *ALTERNATIVE, "--out--")
    assert [seal, seal] == [part.seal for part in content.leaves(raw)]


def test_a_signature_weighs_more_than_a_disposition():
    inside = ('Content-Type: multipart/signed; boundary="s"', "", "--s", "", "x", "--s--")
    raw = message("Content-Type: multipart/mixed; boundary=b", "Content-Disposition: attachment", "", "--b", *inside,
                  "--b", "", "y", "--b--")  # fmt: skip
    assert [Seal.SIGNED, Seal.ATTACHMENT] == [part.seal for part in content.leaves(raw)]


@pytest.mark.row(80)
@pytest.mark.parametrize(
    "field",
    [
        "Content-Disposition: attachment",
        "Content-Disposition: ATTACHMENT; filename=a.html",
        "Content-Disposition: inline; filename=a.html",
        "Content-Disposition: inline; filename*=utf-8''a.html",
        "Content-Disposition: something-new",
    ],
)
def test_attachments_are_sealed(field):
    assert [Seal.ATTACHMENT] == [
        p.seal for p in content.leaves(message("Content-Type: text/html", field, "", "x"))
    ]


@pytest.mark.parametrize("parameter", ["name=a.html", "name*0=a; name*1=.html"])
def test_a_file_name_makes_an_attachment(parameter):
    raw = message(f"Content-Type: text/html; {parameter}", "", "x")
    assert [Seal.ATTACHMENT] == [part.seal for part in content.leaves(raw)]


@pytest.mark.row(80)
def test_a_message_inside_is_one_leaf():
    raw = message("Content-Type: multipart/digest; boundary=b", "", "--b", "", *ALTERNATIVE, "--b",
                  "Content-Type: message/rfc822", "", *ALTERNATIVE, "--b--")  # fmt: skip
    assert ["message/rfc822", "message/rfc822"] == [part.content_type for part in content.leaves(raw)]


@pytest.mark.row(81)
@pytest.mark.parametrize(
    "lines",
    [
        ("Content-Type: multipart/mixed", "", "x"),
        ("Content-Type: multipart/mixed; boundary=", "", "x"),
        ("Content-Type: multipart/mixed; boundary*0=a; boundary*1=b", "", "--ab", "", "x", "--ab--"),
        (
            "Content-Type: multipart/mixed; boundary=b",
            "Content-Transfer-Encoding: base64",
            "",
            "--b",
            "",
            "x",
            "--b--",
        ),
        ("Content-Type: multipart/mixed; boundary=b", "", "--b", "", "x"),
        ("Content-Type: multipart/mixed; boundary=b", "", "--b", "", "x", "--b", "", "y"),
        ("Content-Type: multipart/mixed; boundary=b", "", "no delimiter"),
        ("Content-Type: multipart/mixed; boundary=b; boundary=c", "", "--b", "", "x", "--b--"),
        ("Content-Type: text/html", "Content-Type: text/plain", "", "x"),
        ("Content-Type: text", "", "x"),
        ("Content-Type:", "", "x"),
        ("Content-Type: text/html; charset=a; charset=b", "", "x"),
        ("Content-Type: text/html", "Content-Transfer-Encoding: =", "", "x"),
        ("Content-Type: text/html", "no field", "", "x"),
        ("Content-Type: text/html",),
        ("Content-Type: text/html", "x"),
        ("",),
    ],
)
def test_what_is_malformed_is_sealed(lines):
    assert {Seal.MALFORMED} == {part.seal for part in content.parts(message(*lines))}


def test_an_unclosed_multipart_seals_only_what_it_holds():
    unclosed = ALTERNATIVE[:-1]
    raw = message("Content-Type: multipart/mixed; boundary=b", "", "--b", *unclosed, "--b", "", "x", "--b--")
    assert [Seal.MALFORMED, Seal.MALFORMED, Seal.NONE] == [part.seal for part in content.leaves(raw)]


def test_a_part_whose_header_section_never_ends_is_sealed():
    raw = message(
        "Content-Type: multipart/mixed; boundary=b",
        "",
        "--b",
        "Content-Type: text/html",
        "--b",
        "",
        "x",
        "--b--",
    )
    assert [("1", Seal.MALFORMED), ("2", Seal.NONE)] == [(path, seal) for path, _, _, seal in shown(raw)]


def test_a_delimiter_that_looks_like_a_field_is_a_delimiter():
    raw = message(
        'Content-Type: multipart/mixed; boundary="b:c"', "", "--b:c", "X: y", "--b:c", "", "x", "--b:c--"
    )
    assert [("1", Seal.MALFORMED), ("2", Seal.NONE)] == [(path, seal) for path, _, _, seal in shown(raw)]


@pytest.mark.parametrize("inner", ["b", "b--"])
def test_boundaries_that_could_be_mistaken_are_not_used(inner):
    inside = (f'Content-Type: multipart/mixed; boundary="{inner}"', "", "x")
    raw = message("Content-Type: multipart/mixed; boundary=b", "", "--b", *inside, "--b--")
    assert [("1", "multipart/mixed", Seal.MALFORMED)] == [
        (part.path, part.content_type, part.seal) for part in content.parts(raw)[1:]
    ]


@pytest.mark.row(81)
def test_depth_is_bounded():
    depth = content.MAXIMUM_DEPTH + 20
    opening = [
        line
        for n in range(depth)
        for line in (f"Content-Type: multipart/mixed; boundary=b{n}.", "", f"--b{n}.")
    ]
    closing = [f"--b{n}.--" for n in reversed(range(depth))]
    parts = content.parts(message(*opening, "", "x", *closing))
    assert content.MAXIMUM_DEPTH + 1 == len(parts)
    assert Seal.MALFORMED is parts[-1].seal


@pytest.mark.row(81)
def test_the_number_of_parts_is_bounded():
    raw = message("Content-Type: multipart/mixed; boundary=b", "", *("--b", "", "x") * 12_000, "--b--")
    start = time.process_time()
    parts = content.parts(raw)
    assert time.process_time() - start < 20
    assert content.MAXIMUM_PARTS == len(parts)
    assert {Seal.MALFORMED} == {part.seal for part in parts}


@pytest.mark.row(81)
@pytest.mark.parametrize(
    "piece",
    [b"\r\n--", b"\r\n--b", b"--b\r\n", b"X: y\r\n", b"\r\n\r\n--b\r\nA:b\r\n", b';a="', b"-", b"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n"],
)  # fmt: skip
def test_time_is_linear(piece):
    raw = b"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n" + piece * (1_000_000 // len(piece))
    start = time.process_time()
    content.parts(raw)
    assert time.process_time() - start < 20


@pytest.mark.row(81)
@pytest.mark.parametrize("name", ["Content-Type", "Content-Disposition", "Content-Transfer-Encoding"])
def test_a_field_without_bound_is_not_read(name):
    """Its memory would have none either: a quoted string costs many times its octets."""
    value = {
        "Content-Type": "text/html",
        "Content-Disposition": "inline",
        "Content-Transfer-Encoding": "8bit",
    }
    for length, seal in ((1000, Seal.NONE), (70_000, Seal.MALFORMED)):
        quoted = "\\a" * (length // 2)
        raw = f'{name}: {value[name]}; x="{quoted}"\r\n\r\nx\r\n'.encode()
        tracemalloc.start()
        [part] = content.parts(raw)
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert (seal, True) == (part.seal, peak < 1_000_000)


LINES = st.sampled_from([
    "--a", "--a--", "--b", "--b--", "--a ", "--a--x", "--", "", "", "", "text", "From: x", " folded", "-- a", "--c\t", "--c--",
    "Content-Type: multipart/mixed; boundary=a", 'Content-Type: multipart/alternative; boundary="b"', "Content-Type: text/html",
    "Content-Type: multipart/signed;", "  boundary=c", "Content-Type: message/rfc822", "Content-Transfer-Encoding: base64",
    "Content-Disposition: attachment", "Content-Type: text/html; charset=", "é", 'Content-Type: text/html;;;="',
])  # fmt: skip


@pytest.mark.row(156)
@settings(max_examples=500)
@given(st.lists(LINES, max_size=40), st.sampled_from(["\r\n", "\n"]))
@example(["Content-Type: multipart/mixed; boundary=a", "", "--a"], "\r\n")
def test_anything_gives_ordered_parts_within_the_content(lines, ending):
    raw = ending.join(lines).encode()
    parts = content.parts(raw)
    assert parts
    for part in parts:
        assert 0 <= part.header_end <= part.start <= part.end <= len(raw)
    leaves = [part for part in parts if not part.is_multipart]
    for one, other in itertools.pairwise(leaves):
        assert one.end <= other.start


TREES = st.recursive(
    st.tuples(st.sampled_from(["text/plain", "text/html", "image/png"]), st.text("ab <>-\r\n", max_size=20)),
    lambda children: st.lists(children, min_size=1, max_size=4),
    max_leaves=20,
)


def built(tree, path=()):
    """The part's octets, and its leaves' bodies in order."""
    if isinstance(tree, tuple):
        body = re.sub("-+", "-", tree[1].replace("\r", "").replace("\n", "\r\n")).encode()
        return f"Content-Type: {tree[0]}\r\n\r\n".encode() + body, [(tree[0], body)]
    boundary = "b" + "_".join(map(str, path))
    out, bodies = f'Content-Type: multipart/mixed; boundary="{boundary}"\r\n\r\n'.encode(), []
    for number, child in enumerate(tree):
        octets, inner = built(child, (*path, number))
        out += f"--{boundary}\r\n".encode() + octets + b"\r\n"
        bodies += inner
    return out + f"--{boundary}--\r\n".encode(), bodies


@settings(max_examples=300)
@given(TREES)
def test_well_formed_trees_are_found_whole(tree):
    raw, bodies = built(tree)
    leaves = content.leaves(raw)
    assert bodies == [(leaf.content_type, raw[leaf.start : leaf.end]) for leaf in leaves]
    assert {Seal.NONE} == {leaf.seal for leaf in leaves}
    parsed = [
        part
        for part in email.message_from_bytes(raw, policy=email.policy.compat32).walk()
        if not part.is_multipart()
    ]
    assert [part.get_content_type() for part in parsed] == [leaf.content_type for leaf in leaves]


@pytest.mark.row(81)
@pytest.mark.parametrize(
    ("unit", "wanted"),
    [
        (b"--\r\n", 2),
        (b"--" + b"-" * 300 + b"\r\n", 2),
        (b"--b\r\n" + b"A:b\r\n" * 9000 + b"\r\n", 6),
    ],
    ids=["short", "long", "fields"],
)
def test_lines_that_look_like_delimiters_are_looked_at_so_many_times_only(unit, wanted):
    """Each costs a look from Python, and a content of 50 MB has room for twelve million."""
    start = b"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\n"
    few = content.parts(start + unit * (1 if wanted > 2 else 20_000) + b"--b--\r\n")
    assert {Seal.NONE} == {part.seal for part in few}
    many = content.parts(start + unit * (12 if wanted > 2 else 40_000) + b"--b--\r\n")
    assert wanted == len(many)
    assert {Seal.MALFORMED} == {part.seal for part in many}
