"""The corpus: what came back in the formats of many programs, providers and languages, each with what it is."""

import pytest

from smtpeter.returns.recognise import recognise
from smtpeter.returns.recognition import Action, Confidence, Kind
from tests.kit.returned import CORPUS, detectors_samples, sample, samples

NAMES = sorted(path.stem for path in CORPUS.glob("*.eml"))
NEWS = {Kind.REPORT, Kind.BOUNCE}
# People's own mail among flufl.bounce's data, and an automatic reply: no bounces, as their tests say too.
NO_BOUNCES = {"groupwise_03.txt", "qmail_08.txt"}
# Names no recipient, or is called an answer to a mailing list's notice: beyond us, and said so.
NOT_RECOGNISED = {"dumbass_01.txt", "microsoft_03.txt", "simple_20.txt", "simple_35.txt"}
WARNINGS = {
    "dsn_05.txt", "dsn_06.txt", "dsn_07.txt", "dsn_08.txt", "dsn_17.txt", "simple_03.txt", "simple_21.txt", "simple_22.txt",
    "simple_28.txt", "simple_40.txt",
}  # fmt: skip


@pytest.mark.row(132)
@pytest.mark.parametrize("name", NAMES)
def test_each_message_is_recognised_for_what_it_is(name):
    expected = sample(CORPUS / f"{name}.eml")
    found = recognise(expected.content)
    assert (
        expected.kind,
        expected.action,
        expected.failure_class,
        expected.status,
        expected.confidence,
        expected.recipient,
    ) == (
        found.kind,
        found.action or found.feedback,
        found.failure_class or "",
        found.status,
        found.confidence,
        found.recipient,
    )


def test_the_corpus_is_as_large_as_promised():
    kinds = [each.kind for each in samples()]
    assert kinds.count("report") + kinds.count("bounce") >= 60
    assert kinds.count("response") >= 25
    assert kinds.count("challenge") >= 8
    assert kinds.count("unknown") >= 15


def test_recognition_rate_and_precision(capsys):
    """Rate: of the bounces those recognised. Precision: of what was taken for a failure those that were one."""
    judged = [(each, recognise(each.content)) for each in samples()]
    bounces = [found for each, found in judged if each.kind in NEWS]
    recognised = [found for found in bounces if found.kind in NEWS]
    failures = [each for each, found in judged if found.is_failure]
    right = [each for each in failures if each.action == "failed"]
    with capsys.disabled():
        print(
            f"\nours: {len(recognised)} of {len(bounces)} bounces recognised ({len(recognised) / len(bounces):.1%}), "
            f"{len(right)} of {len(failures)} failures right ({len(right) / len(failures):.1%})"
        )
    assert len(recognised) / len(bounces) >= 0.95
    assert failures == right


@pytest.mark.row(132)
@pytest.mark.parametrize("is_from_null", [None, True, False])
@pytest.mark.parametrize("name", [name for name in NAMES if name.startswith(("reply_", "challenge_"))])
def test_no_automatic_reply_is_ever_a_hard_bounce(name, is_from_null):
    content = sample(CORPUS / f"{name}.eml").content.removeprefix(b"Return-Path: <>\r\n")
    found = recognise(content, is_from_null=is_from_null)
    assert not found.is_failure
    assert found.kind in {Kind.RESPONSE, Kind.CHALLENGE, Kind.UNKNOWN}


@pytest.mark.parametrize("name", [each.name for each in samples() if each.action == "delayed"])
def test_a_delay_is_never_a_failure(name):
    for is_from_null in (None, True, False):
        assert not recognise(sample(CORPUS / f"{name}.eml").content, is_from_null=is_from_null).is_failure


def test_the_data_of_flufl_bounce(capsys):
    data = detectors_samples()
    found = {name: recognise(content) for name, content in data.items()}
    bounces = found.keys() - NO_BOUNCES
    missed = {name for name in bounces if found[name].kind not in NEWS}
    with capsys.disabled():
        rate = 1 - len(missed) / len(bounces)
        print(
            f"\nflufl.bounce's: {len(bounces) - len(missed)} of {len(bounces)} bounces recognised ({rate:.1%})"
        )
    assert len(data) > 100
    assert NOT_RECOGNISED == missed
    assert not any(found[name].kind in NEWS for name in NO_BOUNCES)
    assert {name for name in bounces if found[name].action is Action.DELAYED} == WARNINGS


def test_only_reports_and_known_forms_prove_that_there_is_no_such_user():
    for each in samples():
        found = recognise(each.content)
        if found.proves_no_such_user:
            assert each.failure_class == "no such user"
            assert found.confidence is Confidence.HIGH
            assert found.status[:1] in {"", "5"}
