"""What a process remembers of policies is bounded, and strangers' policies push out nobody else's."""

from smtpeter.relay.remembered import Known, Remembered
from smtpeter.spool.mta_sts import Policy, PolicyMode


def known(domain, mx=("mx.example",), used_at=1000.0, *, is_lasting=False):
    policy = Policy(domain, "1", PolicyMode.ENFORCE, mx, 1000.0, 2000.0, used_at) if mx else None
    return Known(policy, 0.0, is_lasting=is_lasting)


def keep(remembered, domain, *given, **more):
    remembered.keep(domain, known(domain, *given, **more))


def test_what_has_no_policy_goes_first_and_what_lasts_last():
    remembered = Remembered(3, 10_000)
    keep(remembered, "lasting.example", is_lasting=True, used_at=1.0)
    keep(remembered, "a.example")
    keep(remembered, "none.example", ())
    keep(remembered, "b.example", used_at=1001.0)
    assert ["lasting.example", "a.example", "b.example"] == list(remembered)
    keep(remembered, "c.example", used_at=1002.0)
    assert ["lasting.example", "b.example", "c.example"] == list(remembered)


def test_names_below_one_domain_push_out_one_another():
    remembered = Remembered(4, 10_000)
    keep(remembered, "good.example")
    for number in range(20):
        keep(remembered, f"{number}.stranger.example", used_at=1001.0 + number)
        assert f"{number}.stranger.example" in remembered
    assert "good.example" in remembered
    assert 4 == len(list(remembered))


def test_the_octets_of_hosts_are_bounded_however_few_domains_there_are():
    remembered = Remembered(1000, 1000)
    for number in range(20):
        keep(remembered, f"stranger{number}.example", ("x" * 200, "y" * 100), 1000.0 + number)
    assert ["stranger18.example", "stranger19.example"] == list(remembered)
    keep(remembered, "stranger19.example", ("x",))  # what is smaller by now leaves room
    for number in range(2):
        keep(remembered, f"small{number}.example", ("y" * 100,))
    assert 4 == len(list(remembered))
    keep(remembered, "huge.example", ("z" * 2000,))
    assert ["huge.example"] == list(remembered)
