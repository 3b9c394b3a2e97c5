"""`smtpeter sandbox`: the whole product on loopback, and nothing leaves the machine.

In its directory it makes, once, a configuration, a self-signed certificate, a first login and a first operator; then
it becomes the server. What is there already is left as it is.
"""

from __future__ import annotations

import os
import secrets
import sys
import time
from pathlib import Path

import click

from smtpeter.accounts import passwords
from smtpeter.accounts.model import Login
from smtpeter.accounts.operators import Role
from smtpeter.cli.operator import make
from smtpeter.cli.store import configured, opened
from smtpeter.message.options import Switches
from smtpeter.session.selfmade import self_made

_CONFIGURATION = """\
# Made by `smtpeter sandbox`: everything on loopback, and nothing leaves the machine.
[server]
hostname = "localhost"
data_directory = "."

[tls]
certificate = "certificate.pem"
private_key = "private-key.pem"

[submission]
starttls = ["tcp:2587:interface=127.0.0.1"]
implicit_tls = ["tcp:2465:interface=127.0.0.1"]

[relay]
mode = "sandbox"

[tracking]
click_url = "http://localhost:8080"
open_url = "http://localhost:8080"
listen = ["tcp:8080:interface=127.0.0.1"]

[web]
listen = ["tcp:8025:interface=127.0.0.1"]
"""
_DASHBOARD = "http://localhost:8025/"

_RECIPE = """
Send a real newsletter through it, see what became of it, and follow its links (in another terminal):

  SMTPETER_PASSWORD={password} {python} docs/examples/send.py --ca {directory}/certificate.pem --login {username} docs/examples/newsletter.eml reader@example.net
  {smtpeter} --config {directory}/smtpeter.toml message show ID             # ID: from the answer above
  {smtpeter} --config {directory}/smtpeter.toml events                      # click a link of {directory}/sandbox/ID.eml, and look again
"""


@click.command()
@click.option(
    "--directory",
    default="var",
    show_default=True,
    type=click.Path(path_type=Path, file_okay=False),
    help="Where its configuration, certificate, store and messages are.",
)
def sandbox(directory: Path) -> None:
    """Become a server on loopback from which nothing leaves the machine."""
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    file = directory / "smtpeter.toml"
    if not file.exists():
        file.write_text(_CONFIGURATION, "utf-8")
    if not (directory / "certificate.pem").exists():
        _make_certificate(directory)
    _tell_operator(file)
    bin_directory = Path(sys.executable).parent
    smtpeter = _short(bin_directory / "smtpeter")
    login = _first_login(file)
    if login is not None:
        click.echo(f"\nA first login, its password shown this once:\n\n  {login[0]}  {login[1]}")
    else:
        click.echo(f"\nForgot the password? {smtpeter} --config {file} login rotate first")
    username, password = login or ("first", "PASSWORD")
    click.echo(
        _RECIPE.format(
            username=username,
            password=password,
            directory=directory,
            python=_short(bin_directory / "python"),
            smtpeter=smtpeter,
        ),
    )
    twistd = str(bin_directory / "twistd")
    os.execv(twistd, [twistd, "--nodaemon", "--pidfile=", "smtpeter", "--config", str(file)])  # noqa: S606


def _make_certificate(directory: Path) -> None:
    certificate, key = self_made(("localhost", "127.0.0.1", "::1"), time.time())  # noqa: TID251 - a door
    (directory / "private-key.pem").unlink(missing_ok=True)
    descriptor = os.open(directory / "private-key.pem", os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(key)
    (directory / "certificate.pem").write_bytes(certificate)


def _short(path: Path) -> str:
    """Relative to the current directory where it lies within."""
    return str(path.relative_to(Path.cwd())) if path.is_relative_to(Path.cwd()) else str(path)


def _tell_operator(file: Path) -> None:
    """Where the dashboard is, and who may sign in there: a first operator, when there is none."""
    settings = configured(file)
    if not settings.web.listen:  # a directory of an earlier version
        return
    click.echo(f"\nThe dashboard is at {_DASHBOARD}")
    with opened(settings) as store:
        if store.run(store.operators.operators()):
            smtpeter = _short(Path(sys.executable).parent / "smtpeter")
            click.echo(f"Forgot the password? {smtpeter} --config {file} operator password admin")
        else:
            click.echo("Sign in there; the password is shown this once:\n")
            click.echo(f"  admin  {make(store, 'admin', Role.ADMINISTER)}")


def _first_login(file: Path) -> tuple[str, str] | None:
    """A login that tracks clicks and prevents scam warnings; None when there are logins already."""
    with opened(configured(file)) as store:
        if store.run(store.accounts.logins()):
            return None
        password, kept = passwords.make(secrets.token_bytes)
        login = Login(
            username="first",
            password_hash=kept,
            switches=Switches(track_clicks=True, track_opens=True, prevent_scam=True),
            created_at=time.time(),  # noqa: TID251 - a door
        )
        store.run(store.accounts.create(login))
        store.record("made the login", login.username)
    return login.username, password
