"""What operators ask the DNS, where there is no name server to ask."""

import socket

import pytest

from smtpeter.accounts.published import Unanswered
from smtpeter.service import questions
from smtpeter.service.questions import Dns, name_servers


def test_a_name_server_that_says_nothing_gives_no_answer_and_is_no_fault():
    with socket.socket(type=socket.SOCK_DGRAM) as silent:
        silent.bind(("127.0.0.1", 0))
        asked = Dns([f"127.0.0.1:{silent.getsockname()[1]}"], patience=0.05)
        with pytest.raises(Unanswered):
            asked.ask("example.com", "A")
        assert not asked.validates()


def test_the_relay_and_the_operator_ask_the_same_name_servers(tmp_path, monkeypatch):
    """Also on a system that names none: then this machine is asked (resolv.conf(5))."""
    file = tmp_path / "resolv.conf"
    monkeypatch.setattr(questions, "Path", lambda _: file)
    assert (("127.0.0.1", 53),) == name_servers(())
    file.write_text("nameserver 192.0.2.1\n")
    assert (("192.0.2.1", 53),) == name_servers(())
    assert ["192.0.2.1"] == [one.address for one in Dns(())._resolver().nameservers]
