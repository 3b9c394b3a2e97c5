"""The sandbox keeps what would have left."""

from twisted.internet.defer import Deferred, succeed

from smtpeter.message.identifier import show
from smtpeter.message.status import Result, Stage
from smtpeter.relay.sandbox import Sandbox
from tests.relay.hosts import CONTENT, Outgoing, group, result


class OwnEach(Outgoing):
    """Each delivery's content is its own, and comes later."""

    def content(self, message, delivery, *, eight_bit):
        return succeed(message.content + delivery.recipient.address.local_part.encode() + b"\r\n")


def keep(directory, mail, outgoing):
    return result(Deferred.fromCoroutine(Sandbox(directory, outgoing).attempt(mail)))


def test_every_delivery_is_kept_as_it_would_have_left(tmp_path):
    directory = tmp_path / "kept" / "here"
    outcomes = keep(directory, group("a@example.com", "b@example.com"), OwnEach())
    assert {f"{show(1)}.eml": CONTENT + b"a\r\n", f"{show(2)}.eml": CONTENT + b"b\r\n"} == {
        path.name: path.read_bytes() for path in directory.iterdir()
    }
    assert [Result.DELIVERED] * 2 == [outcome.result for outcome in outcomes.values()]
    assert show(1) in outcomes[1].reply.text


def test_only_its_owner_may_read_it(tmp_path):
    keep(tmp_path / "kept", group(), Outgoing())
    (path,) = (tmp_path / "kept").iterdir()
    assert (0o700, 0o600) == (path.parent.stat().st_mode & 0o777, path.stat().st_mode & 0o777)


def test_a_second_attempt_replaces_the_first(tmp_path):
    for content in (b"first\r\n", b"second\r\n"):
        keep(tmp_path, group(content=content), Outgoing())
    assert [b"second\r\n"] == [path.read_bytes() for path in tmp_path.iterdir()]


def test_what_cannot_be_kept_is_deferred_and_strangers_do_not_read_why(tmp_path, expected_failures):
    expected_failures.append(FileExistsError)
    (tmp_path / "file").write_text("in the way")
    outcome = keep(tmp_path / "file", group(), Outgoing())[1]
    assert (Result.DEFERRED, Stage.PROCESS) == (outcome.result, outcome.stage)
    assert "FileExistsError" in outcome.cause
    assert "file" not in outcome.reply.text
