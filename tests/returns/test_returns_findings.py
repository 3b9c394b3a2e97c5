"""What a recognition means as an outcome: the refusing host's reply, as far as it was told."""

import pytest

from smtpeter.message.status import Reply, Result, Stage
from smtpeter.returns.findings import outcome
from smtpeter.returns.recognition import Action, Confidence, Kind, Recognition


@pytest.mark.parametrize(
    ("status", "diagnostic", "reply"),
    [
        ("5.1.1", "550 5.1.1 No such user", Reply(550, "5.1.1", "No such user")),
        ("5.1.1", "550-5.1.1 Gone. 550 5.1.1 See help", Reply(550, "5.1.1", "Gone. 550 5.1.1 See help")),
        ("", "552 5.2.2 Full", Reply(552, "5.2.2", "Full")),
        ("", "554 Refused", Reply(554, "5.0.0", "Refused")),
        ("5.7.1", "Refused by policy", Reply(550, "5.7.1", "Refused by policy")),
        ("4.4.7", "expired", Reply(450, "4.4.7", "expired")),
        ("5.2.2", "", Reply(550, "5.2.2", "A report says that it was not delivered")),
        ("", "", Reply(550, "5.0.0", "A report says that it was not delivered")),
        ("", "650 what", Reply(550, "5.0.0", "650 what")),
    ],
)
def test_the_reply_that_a_report_tells_of(status, diagnostic, reply):
    said = Recognition(
        Kind.BOUNCE,
        "rule",
        Confidence.HIGH,
        Action.FAILED,
        status=status,
        diagnostic=diagnostic,
        reporting_host="mx",
    )
    became = outcome(said)

    assert (reply, "mx") == (became.reply, became.host)
    assert (Result.FAILED, Stage.BOUNCE) == (became.result, became.stage)
