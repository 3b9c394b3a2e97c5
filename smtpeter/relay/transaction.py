"""One mail transaction as values: what will be said, what was answered, and what that means for each recipient.

The whole policy of what a reply means is `judge`. Pure: no I/O, no clock. In doubt a delivery is deferred:
nothing counts as delivered but a 2xx to the final dot of a content that was sent after a 354.
"""

from __future__ import annotations

import enum
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from smtpeter.message.address import Address
from smtpeter.message.classification import classify
from smtpeter.message.envelope import Body, Recipient, Ret
from smtpeter.message.status import Outcome, Refusal, Reply, Result, Stage
from smtpeter.smtp.extensions import Capabilities, mail_command, rcpt_command
from smtpeter.smtp.framing import NotCanonical, stuffed

_ONE_WRITE = 65_536  # octets of content; what is longer is written as the server reads it


@dataclass(frozen=True, slots=True)
class Mail:
    """What is to be sent. `smtputf8`: it was submitted under SMTPUTF8, so its header may be UTF-8 by right."""

    return_path: Address | None
    recipients: tuple[Recipient, ...]
    content: bytes
    smtputf8: bool = False
    ret: Ret | None = None
    envid: str | None = None


@dataclass(frozen=True, slots=True)
class Script:
    """The commands for one server, each with its CRLF, and the content as it is written after 354, made in blocks.

    `commands` are MAIL, then RCPTs; `refusals` has an entry for each recipient, None where its RCPT is among them.
    """

    commands: list[bytes]
    refusals: list[Reply | None]
    blocks: Iterator[bytes]


def script(mail: Mail, capabilities: Capabilities) -> Script:
    """What to say to a server that offers `capabilities`; raises Refusal when it can take none of it."""
    body = None if mail.content.isascii() else Body.EIGHTBITMIME
    smtputf8 = _needs_smtputf8(mail, capabilities)
    obstacle = capabilities.obstacle(size=len(mail.content), body=body, smtputf8=smtputf8)
    if obstacle is not None:
        raise Refusal(obstacle)
    commands = [
        mail_command(
            mail.return_path,
            capabilities,
            size=len(mail.content),
            body=body,
            smtputf8=smtputf8,
            ret=mail.ret,
            envid=mail.envid,
        )
    ]
    refusals: list[Reply | None] = []
    for recipient in mail.recipients:
        try:
            commands.append(rcpt_command(recipient, capabilities, smtputf8=smtputf8))
        except Refusal as refusal:
            refusals.append(refusal.reply)
        else:
            refusals.append(None)
    try:
        blocks = stuffed(mail.content)
    except NotCanonical as error:
        raise Refusal(Reply(554, "5.6.0", "The message has bare line ends or NUL"), str(error)) from error
    if len(mail.content) <= _ONE_WRITE:
        blocks = iter((b"".join(blocks),))
    return Script(commands, refusals, blocks)


def _needs_smtputf8(mail: Mail, capabilities: Capabilities) -> bool:
    """Whether the transaction is one of RFC 6531: its header says so, or an address that the server could take.

    Where it is not offered, addresses are left to their commands: a domain has A-labels, a local part has not.
    """
    if mail.smtputf8 and not _header_section(mail.content).isascii():
        return True
    if not capabilities.smtputf8:
        return False
    paths = [recipient.address for recipient in mail.recipients]
    if mail.return_path is not None:
        paths.append(mail.return_path)
    return not all(path.is_ascii for path in paths)


def _header_section(content: bytes) -> bytes:
    end = content.find(b"\r\n\r\n")
    return content if end < 0 else content[:end]


@dataclass(frozen=True, slots=True)
class Ending:
    """How a connection ended: in which stage, what is to be told, and the cause for the log."""

    stage: Stage
    reply: Reply
    cause: str = ""
    timed_out: bool = False


@dataclass(slots=True)
class Dialogue:
    """What a server answered: to MAIL and the RCPTs, as far as it did, to DATA, and to the final dot.

    `dot_sent`: all of the content was written. `ended`: the connection is of no more use.
    """

    envelope: list[Reply] = field(default_factory=list)
    data: Reply | None = None
    final: Reply | None = None
    dot_sent: bool = False
    ended: Ending | None = None

    @property
    def is_wanted(self) -> bool:
        """Whether any recipient was accepted, and MAIL before it."""
        first, *others = self.envelope or (None,)
        return first is not None and is_accepting(first) and any(map(is_accepting, others))

    @property
    def is_untouched(self) -> bool:
        """The server had closed, or was about to: it never answered to this transaction but by 421."""
        return not self.envelope and self.ended is not None and not self.ended.timed_out


class Next(enum.Enum):
    """What follows for a delivery within the same attempt."""

    NOTHING = "nothing"  # its outcome stands
    AGAIN = "again"  # another transaction with this host, at once
    ELSEWHERE = "elsewhere"  # the next host may take it; the outcome stands if there is none


@dataclass(frozen=True, slots=True)
class Peer:
    """The two ends of the connection, as outcomes tell of them."""

    host: str
    address: str
    source: str = ""
    tls: str = ""
    dsn_offered: bool = False

    def outcome(
        self, result: Result, stage: Stage, reply: Reply, cause: str = "", *, duplicate_possible: bool = False
    ) -> Outcome:
        return Outcome(
            result,
            stage,
            reply,
            cause,
            self.host,
            self.address,
            self.source,
            self.tls,
            self.dsn_offered,
            duplicate_possible,
        )


Verdict = tuple[Outcome, Next]


def judge(said: Script, dialogue: Dialogue, peer: Peer) -> list[Verdict]:
    """The verdict for each recipient, in their order."""
    is_alone = not dialogue.is_wanted
    answers = iter(dialogue.envelope[1:])
    verdicts = []
    for refusal in said.refusals:
        if refusal is not None:
            verdicts.append((peer.outcome(Result.FAILED, Stage.RCPT, refusal), Next.NOTHING))
        else:
            verdicts.append(_judge_one(dialogue, next(answers, None), peer, is_alone=is_alone))
    return verdicts


def _judge_one(dialogue: Dialogue, answer: Reply | None, peer: Peer, *, is_alone: bool) -> Verdict:
    mail = dialogue.envelope[0] if dialogue.envelope else None
    if mail is None or not is_accepting(mail):
        return _refused(Stage.MAIL, mail, dialogue, peer)
    if answer is not None and not is_alone and _is_too_many(answer):
        return peer.outcome(Result.DEFERRED, Stage.RCPT, answer), Next.AGAIN
    if answer is None or not is_accepting(answer):
        return _refused(Stage.RCPT, answer, dialogue, peer)
    if dialogue.data is None or dialogue.data.code != 354:
        return _refused(Stage.DATA, dialogue.data, dialogue, peer)
    return _judge_final(dialogue, peer)


def _judge_final(dialogue: Dialogue, peer: Peer) -> Verdict:
    final = dialogue.final
    if final is not None and is_accepting(final):
        return peer.outcome(Result.DELIVERED, Stage.MESSAGE, final), Next.NOTHING
    outcome, _ = _refused(Stage.MESSAGE, final, dialogue, peer)
    if final is None and dialogue.dot_sent and outcome.reply.code != 421:  # it may have been taken (RFC 1047)
        outcome = peer.outcome(
            Result.DEFERRED, Stage.MESSAGE, outcome.reply, outcome.cause, duplicate_possible=True
        )
    return outcome, Next.NOTHING  # its content was seen once: no second host in the same breath


def is_accepting(reply: Reply) -> bool:
    return 200 <= reply.code < 300


def _is_too_many(reply: Reply) -> bool:
    """RFC 5321 4.5.3.1.10: 452, or 552 from servers of old, not told to mean something else."""
    return (reply.code == 452 and reply.enhanced in {"", "4.5.3"}) or (
        reply.code == 552 and reply.enhanced in {"", "5.5.3"}
    )


def _refused(stage: Stage, reply: Reply | None, dialogue: Dialogue, peer: Peer) -> Verdict:
    """Not accepted: by `reply`, or because the connection ended before there was one."""
    if reply is None:
        ending = dialogue.ended or Ending(stage, Reply(451, "4.4.2", "The conversation ended early"))
        following = Next.NOTHING if ending.timed_out else Next.ELSEWHERE
        return peer.outcome(Result.DEFERRED, ending.stage, ending.reply, ending.cause), following
    if reply.is_permanent and not (stage is Stage.RCPT and reply.code == 552 and not reply.enhanced):
        result = Result.DEFERRED if classify(reply).is_later else Result.FAILED
        return peer.outcome(result, stage, reply), Next.NOTHING
    if reply.code >= 400:
        return peer.outcome(Result.DEFERRED, stage, reply), Next.NOTHING
    return peer.outcome(Result.DEFERRED, stage, out_of_turn(reply)), Next.NOTHING


def is_senseless(reply: Reply) -> bool:
    """Neither accepts nor refuses: nobody knows what the server waits for (354 to DATA is another matter)."""
    return 300 <= reply.code < 400


def out_of_turn(reply: Reply) -> Reply:
    """What is told of a reply that nothing allows here (RFC 5321 4.3.2)."""
    return Reply(451, "4.5.0", f"The server's answer made no sense: {reply}")


def lost(stage: Stage, replies: Sequence[Reply], cause: str) -> Ending:
    """The connection was lost; `replies` are those that came before."""
    told = f"The connection was lost after {replies[-1]}" if replies else "The connection was lost"
    return Ending(stage, Reply(451, "4.4.2", told), cause)
