"""What is remembered of one message never makes a wrong edit in another of its campaign."""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from smtpeter.message.options import Switches
from smtpeter.rewrite import html
from smtpeter.rewrite.pipeline import Pipeline
from smtpeter.rewrite.settings import Settings
from tests.rewrite.corpus import CLICK, NEWSLETTERS, OPEN, SOUPS, enlarged, message, newsletter

HOSTS = Settings(click_url=CLICK, open_url=OPEN)
SWITCHES = st.builds(
    Switches,
    track_clicks=st.just(True) | st.booleans(),
    track_opens=st.just(True) | st.booleans(),
    prevent_scam=st.booleans(),
    always_pixel=st.booleans(),
)
BOTH = Switches(track_clicks=True, track_opens=True)
ADDRESSES = (
    "https://a.example/", "https://a.example/?b=1&amp;c=2", "http://a.example/?n=12345", "mailto:a@b.example", "", "#x", "page",
    "https://a.example/{{name}}", CLICK + "/x", "https://a.example/(url(", "https://a.example/<a href=", "https://a.example/é",
    "https://a.example/>", "https://a.example/&quot;", "https://u@a.example", "https://a.example/\r\n", " https://a.example/ 2x",
    "https://a.example/1, https://a.example/2", "https://a.example/" + "x" * 2_000, "https://www.other.example",
)  # fmt: skip
TEXTS = (
    "", "Ann", "O'Neill & Sons", "Björn", "  ", "\r\n", "Ann\r\n", "url(x)", " background=x", " =", "(", "-->", "--", "--!", "]]>", '"', "'",
    "www.shop.example", "https://a.example/", "click.example", "&lt;a href=", "> <a", "漢" * 20, "x" * 2_001, "\x00", "a > b",
)  # fmt: skip
TAGS = (
    "<p>", "<b class=x>", "</b>", "</a>", "<title>", "</title>", "<style>", "</style>", "<script>", "</script>", "<svg>", "<!--", "-->",
    "<!-- x -->", "<!--[if mso]><p>", "<![endif]-->", "<![CDATA[", "<p title='", '<p title="', "'>", '">', "<body>", "</body>", "</html>",
    "<textarea>", "</textarea>", "<plaintext>", "<base href='https://a.example'>", '<p style="background:url(https://a.example/i)">', "<",
    "<!doctype html>", "<br/>", "<td background=https://a.example/b>", "<img src=https://a.example/i>", "<p ", "<!-- <b>",
    "<style>[href]{}</style>",
)  # fmt: skip
HOLDERS = (
    '<a href="{}">', "<a href='{}'>", "<a href={}>", '<A class=x HREF = "{}" >', '<a data-smtpeter-track="false" href="{}">', '<area href="{}">',
    '<a data-smtpeter-track=x href="{}">', '<img src="{}" alt="">', '<img srcset="{}">', '<td background="{}">', "<td style=\"background:url('{}')\">",
    '<a href="https://a.example" title="{}">', '<img src="{0}" src="x">', '<a name="{}">', '<p background="{}">', "<a href='{}'>https://a.example/</a>",
)  # fmt: skip


def prepared(pipeline, text, switches, **kind):
    """Everything that comes of it, as one value."""
    return repr(pipeline.prepare(message(text, **kind), switches))


@st.composite
def campaigns(draw):
    """Documents of which each differs a little from the first."""
    parts = draw(
        st.lists(
            st.tuples(st.sampled_from(("tag", "link", "text")), st.integers(0, 100)), min_size=1, max_size=16
        )
    )

    def filled(kind, number, value):
        if kind == "tag":
            return TAGS[number % len(TAGS)]
        if kind == "text":
            return TEXTS[value % len(TEXTS)]
        return HOLDERS[number % len(HOLDERS)].format(ADDRESSES[value % len(ADDRESSES)])

    first = [draw(st.integers(0, 100)) for _ in parts]
    documents = [first]
    for _ in range(draw(st.integers(1, 4))):
        other = list(draw(st.sampled_from(documents)))
        for place in draw(st.sets(st.integers(0, len(parts) - 1), max_size=4)):
            other[place] = draw(st.integers(0, 100))
        documents.append(other)
    return [
        "".join(filled(*part, value) for part, value in zip(parts, values, strict=True))
        for values in documents
    ]


@settings(max_examples=400, deadline=None)
@given(campaigns(), SWITCHES)
def test_remembering_changes_nothing(documents, switches):
    pipeline = Pipeline(HOSTS)

    for text in [*documents, *documents]:
        assert prepared(Pipeline(HOSTS), text, switches) == prepared(pipeline, text, switches)


@settings(max_examples=100, deadline=None)
@given(SOUPS, st.lists(st.sampled_from([*ADDRESSES, *TEXTS]), min_size=2, max_size=5), SOUPS, SWITCHES)
def test_remembering_changes_nothing_in_soups(before, values, behind, switches):
    pipeline = Pipeline(HOSTS)

    for value in values:
        for holder in ('<a href="{0}">', "<p>{0}<b>", "{0}"):
            text = before + holder.format(value) + behind
            assert prepared(Pipeline(HOSTS), text, switches) == prepared(pipeline, text, switches)


@pytest.fixture
def scans(monkeypatch):
    """The texts that were scanned."""
    seen = []
    scan = html.scan
    monkeypatch.setattr(html, "scan", lambda text, *rest: seen.append(text) or scan(text, *rest))
    return seen


@pytest.mark.parametrize("encoding", ["8bit", "quoted-printable", "base64"])
@pytest.mark.parametrize("path", NEWSLETTERS, ids=lambda path: path.stem)
def test_a_campaign_is_scanned_twice(path, encoding, scans):
    text = enlarged(newsletter(path), 20_000)
    pipeline = Pipeline(HOSTS)
    for name in ("Ann", "Björn & Söhne", "Chloë O'Hara", "Σοφία"):
        personal = re.sub(
            r'(href="http[^"{}]*)"(?! data-)', rf'\1#{name[1]}"', text.replace("</p>", f" for {name}</p>")
        )
        fresh = prepared(Pipeline(HOSTS), personal, BOTH, encoding=encoding)
        assert fresh == prepared(pipeline, personal, BOTH, encoding=encoding)

    assert 4 + 2 == len(scans)


HREF = '<p><a href="https://a.example/?n={}">x</a></p>'


@pytest.mark.parametrize(
    ("form", "values", "is_recalled"),
    [
        (HREF, ("1", "2", "33"), True),
        (HREF, ("1", "2", "3>"), False),
        (HREF, ("1", "2", "{{x}}"), False),  # judged otherwise
        (HREF, ("1", "2", "3" * 2_000), False),
        ("<p>Dear {},</p>" + HREF, ("Ann", "Bo", "O'Neill & Sons"), True),
        ("<p>Dear {},</p>" + HREF, ("Ann", "Bo", "url("), False),
        ("<p>Dear {},</p>" + HREF, ("Ann", "Bo", "C\r\n"), False),  # the report counts lines
        ("<p>Dear {},</p>" + HREF, ("Ann", "Bo", "<i>Cy</i>"), False),
        ("<p>Dear {},\r\n(you)</p>" + HREF, ("Ann", "Bo", "Cy (old)"), True),
        ("<p title='{}'>Dear</p>" + HREF, ("Ann", "Bo", "Cy"), True),
        ("<p title='{}'>Dear</p>" + HREF, ("Ann", "Bo", "url(x)"), False),
        ("<!--[if mso]><v:rect href='{}'><![endif]-->" + HREF, ("Ann", "Bo", "http://a.example/?b=1"), True),
        ("<p title={}>Dear</p>" + HREF, ("Ann", "Bo", "Cy"), False),
        ("<p title='<b>'>{},</p>" + HREF, ("Ann", "Bo", "Cy"), False),  # a piece begins inside a tag
        ("{}<p>" + HREF, ("Ann", "Bo", "Cy"), False),
    ],
)
def test_what_is_recalled(form, values, is_recalled, scans):
    pipeline = Pipeline(HOSTS)
    for value in values:
        prepared(pipeline, form.replace("{}", value), BOTH)

    assert (2 if is_recalled else 3) == len(scans)


LABELLED = '<a href="https://a.example/?n={0}">{1}</a>'


@pytest.mark.parametrize(
    ("labels", "is_recalled"),
    [(("read", "read", "read"), True), (("read", "now", "https://a.example/?n=3"), False)],
)
def test_labels_of_links_count_where_scam_warnings_are_prevented(labels, is_recalled, scans):
    pipeline, switches = Pipeline(HOSTS), Switches(track_clicks=True, prevent_scam=True)
    made = [
        prepared(pipeline, LABELLED.format(number, label), switches)
        for number, label in enumerate(labels, start=1)
    ]

    assert (2 if is_recalled else 3) == len(scans)
    assert ("another place" in made[2]) is not is_recalled


def test_a_link_that_equals_its_label_is_left(scans):
    pipeline, switches = Pipeline(HOSTS), Switches(track_clicks=True, prevent_scam=True)
    made = [
        prepared(pipeline, f'<a href="https://{host}/">third</a>', switches)
        for host in ("a.example", "b.example", "third")
    ]

    assert "another place" in made[2]


def test_what_else_decides_is_asked_for():
    pipeline = Pipeline(HOSTS)
    text = HREF + '<img src="https://a.example/i">'
    for switches in (BOTH, Switches(track_clicks=True), Switches(track_opens=True), BOTH):
        for hosts in (None, Settings(click_url="https://c.example", open_url="https://c.example/o")):
            for kind in ({}, {"charset": "iso-8859-1"}):
                raw = message(text.replace("{}", "é"), **kind)
                expected = Pipeline(HOSTS).prepare(raw, switches, hosts=hosts)
                assert expected == pipeline.prepare(raw, switches, hosts=hosts)


def test_memory_is_bounded():
    pipeline = Pipeline(HOSTS)
    for number in range(80):
        prepared(pipeline, f"<p>{number}" + "<br>" * (number * 200) + HREF, BOTH)
    prepared(pipeline, "x" * 200_001, BOTH)
    seen = pipeline._campaigns._seen

    assert len(seen) <= 32
    assert sum(document.length for _, document in seen) <= 1_000_000
    assert max(document.length for _, document in seen) <= 200_000
