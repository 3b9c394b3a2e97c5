"""One-time codes, against the numbers of the standards."""

import pytest

from smtpeter.accounts import codes

KEY = b"12345678901234567890"


@pytest.mark.parametrize(
    ("step", "expected"),
    list(enumerate(["755224", "287082", "359152", "969429", "338314", "254676", "287922"])),
)
def test_codes_are_those_of_rfc_4226(step, expected):
    assert expected == codes.code(KEY, step)


@pytest.mark.parametrize(
    ("time", "expected"), [(59, "287082"), (1111111109, "081804"), (20000000000, "353130")]
)
def test_codes_are_those_of_rfc_6238(time, expected):
    assert time // 30 == codes.step(KEY, expected, time)


@pytest.mark.parametrize(("late", "opens"), [(0, True), (30, True), (-30, True), (60, False), (-60, False)])
def test_a_clock_may_be_one_step_away(late, opens):
    assert opens is (codes.step(KEY, codes.code(KEY, 1000), 1000 * 30 + late) is not None)


@pytest.mark.parametrize("presented", ["", "12345", "ü", "1234567", "\ud800"])
def test_what_is_no_code_does_not_open(presented):
    assert codes.step(KEY, presented, 59) is None


def test_an_authenticator_gets_the_key():
    expected = "otpauth://totp/smtpeter%20mail.test%3Aada?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ&issuer=smtpeter%20mail.test"
    assert expected == codes.uri(KEY, "ada", "mail.test")
