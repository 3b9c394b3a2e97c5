"""Daily log files: names, columns and formats as the product's programs read them."""

import csv
import io
import json
import xml.etree.ElementTree as ET
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smtpeter.journal import daily
from smtpeter.journal.daily import LOGS, MEDIA_TYPES, Format, NoSuchLog
from smtpeter.journal.events import KINDS, Attempt, Bounced, Click, Delivered, Failed
from smtpeter.journal.interface import Tally
from tests.kit.fakes.journal import FakeJournal

DAY = date(2026, 1, 2)
NOON = 1_767_355_200.0  # 2026-01-02 12:00:00 UTC


async def original(number):
    """The text of what came back."""
    return {5: b"Subject: gone\r\n\r\n\xff"}.get(number)


def written(journal, prefix, form, day=DAY):
    """The whole file."""

    async def gather():
        return "".join([piece async for piece in daily.write(journal, original, prefix, day, form)])

    coroutine = gather()
    try:
        coroutine.send(None)
    except StopIteration as done:
        return done.value
    raise AssertionError("the fake answers at once")


def journal(*events):
    made = FakeJournal()
    made.keep(events)
    return made


def click(**more):
    facts = {"time": NOON, "delivery": 7, "message": 70, "recipient": "bob@x.example", "tags": ("a", "b")}
    return Click(**{**facts, "url": "http://x.example/", **more})


def test_csv_has_the_columns_in_their_order():
    lines = written(journal(click(headers="A: 1\nB: 2", ip="192.0.2.7")), "clicks", Format.CSV)
    [row] = csv.reader(io.StringIO(lines, newline=""))
    assert [
        "aaaaaaaaaaaao",
        "2026-01-02 12:00:00",
        "A: 1\nB: 2",
        "192.0.2.7",
        "http://x.example/",
        "",
        "a;b",
        "bob@x.example",
        *("", "", "", "", "0"),
    ] == row


def test_csv_with_a_header_line_names_them():
    first, *rest = written(journal(click()), "clicks", Format.CSV_HEADER).splitlines()
    assert ",".join(LOGS["clicks"].columns) == first
    assert 1 == len(rest)


def test_json_is_an_array_of_objects_whose_values_are_text():
    event = Failed(
        time=NOON,
        delivery=7,
        message=70,
        recipient="bob@x.example",
        source="192.0.2.1",
        to="198.51.100.2",
        code=550,
        status="5.1.1",
        state="rcptto",
        type="error",
        description="no such user",
    )
    [told] = json.loads(written(journal(event), "failures", Format.JSON))
    assert {
        "id": "aaaaaaaaaaaao",
        "time": "2026-01-02 12:00:00",
        "envelope": "",
        "recipient": "bob@x.example",
        "attempt": "0",
        "from": "192.0.2.1",
        "to": "198.51.100.2",
        "type": "error",
        "code": "550",
        "status": "5.1.1",
        "description": "no such user",
        "state": "rcptto",
        "tags": "",
        "templateid": "0",
    } == told


def test_xml_is_records_of_named_values():
    text = written(journal(click(url="http://x.example/?a&b<\x07\r\n")), "clicks", Format.XML)
    [record] = ET.fromstring(text)
    assert list(LOGS["clicks"].columns) == [element.tag for element in record]
    assert "http://x.example/?a&b<\ufffd\r\n" == record.find("url").text


@pytest.mark.parametrize("form", Format)
def test_a_day_without_events_is_a_whole_file_too(form):
    text = written(journal(), "opens", form)
    match form:
        case Format.CSV:
            assert "" == text
        case Format.CSV_HEADER:
            assert 1 == text.count("\r\n")
        case Format.JSON:
            assert [] == json.loads(text)
        case Format.XML:
            assert [] == list(ET.fromstring(text))


def test_the_last_day_of_all_is_a_day():
    begin, end = daily.span(date.max)
    assert 86_400.0 == end - begin


@pytest.mark.parametrize("form", Format)
def test_more_than_a_page_is_one_file(form):
    text = written(journal(*(click(delivery=number) for number in range(2500))), "clicks", form)
    match form:
        case Format.CSV | Format.CSV_HEADER:
            assert 2500 + (form is Format.CSV_HEADER) == text.count("\r\n")
        case Format.JSON:
            assert 2500 == len(json.loads(text))
        case Format.XML:
            assert 2500 == len(ET.fromstring(text))


def test_a_file_holds_its_kind_and_its_day_alone():
    events = (
        click(time=NOON - 43_200.0),
        click(time=NOON - 43_200.5),
        click(time=NOON + 43_199.9),
        click(time=NOON + 43_200.0),
        Delivered(time=NOON, delivery=7, message=70),
    )
    assert 2 == written(journal(*events), "clicks", Format.CSV).count("\r\n")


@given(st.text(), st.sampled_from(Format))
def test_strangers_text_breaks_no_format(text, form):
    journal_ = journal(click(headers=text.encode("utf-8", "replace").decode()))
    whole = written(journal_, "clicks", form)
    match form:
        case Format.CSV:
            assert 1 == len(list(csv.reader(io.StringIO(whole, newline=""))))
        case Format.JSON:
            assert 1 == len(json.loads(whole))
        case Format.XML:
            assert 1 == len(ET.fromstring(whole))


def test_names_are_made_and_read():
    assert "clicks.2026-01-02.log" == daily.name("clicks", DAY)
    assert ("clicks", DAY) == daily.parse("clicks.2026-01-02.log")


@pytest.mark.parametrize(
    "name",
    [
        "",
        "clicks",
        "dmarc.2026-01-02.log",
        "clicks.2026-13-02.log",
        "clicks.2026-1-2.log",
        "../clicks.2026-01-02.log",
    ],
)
def test_other_names_are_no_log_files(name):
    with pytest.raises(NoSuchLog):
        daily.parse(name)


def test_the_listing_names_what_there_is():
    hour = int(NOON)
    tallies = (
        Tally(hour + 86_400, "click", 1),
        Tally(hour, "click", 2),
        Tally(hour + 3600, "attempt", 1),
        Tally(hour + 2 * 86_400, "deferral", 1),
    )
    assert {DAY: ("attempts", "clicks"), date(2026, 1, 3): ("clicks",)} == daily.listed(tallies)


def test_each_kind_of_the_journal_has_the_columns_of_its_file():
    """What is not known here (places) is empty; what is known has its name."""
    unknown = {"mime", "city", "countryname", "countrycode", "regioncode"}
    for log in LOGS.values():
        if log.kind in KINDS:
            event = KINDS[log.kind](time=NOON, delivery=7, message=70)
            assert set(log.columns) - unknown <= set(daily.columns(event)), log.kind


def test_every_format_has_a_media_type():
    assert set(Format) == set(MEDIA_TYPES)


def test_an_attempt_tells_its_switches():
    event = Attempt(time=NOON, delivery=7, message=70, properties=("inlinecss", "trackclicks"))
    [told] = json.loads(written(journal(event), "attempts", Format.JSON))
    assert "inlinecss;trackclicks" == told["properties"]


@pytest.mark.parametrize(("number", "text"), [(5, "Subject: gone\r\n\r\n\ufffd"), (6, ""), (None, "")])
def test_what_came_back_has_its_text_for_as_long_as_it_is_kept(number, text):
    event = Bounced(time=NOON, delivery=7, message=70, original=number)
    [told] = json.loads(written(journal(event), "bounces", Format.JSON))
    assert text == told["mime"]
