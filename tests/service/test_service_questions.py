"""What operators ask the DNS, where there is no name server to ask."""

import dns.resolver
import pytest

from smtpeter.accounts.published import Unanswered
from smtpeter.service.questions import Dns


def test_a_system_without_name_servers_gives_no_answer_and_is_no_fault(monkeypatch):
    def unreadable(_self, _file):
        raise dns.resolver.NoResolverConfiguration("cannot open /etc/resolv.conf")

    monkeypatch.setattr(dns.resolver.Resolver, "read_resolv_conf", unreadable)
    asked = Dns(())
    with pytest.raises(Unanswered, match=r"resolv\.conf"):
        asked.ask("example.com", "A")
    assert not asked.validates()
