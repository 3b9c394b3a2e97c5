"""Submit a message file as an application would: AUTH over STARTTLS, with Python's own smtplib.

usage: send.py --server HOST:PORT --ca CERTIFICATE --login LOGIN [--from ADDRESS] MESSAGE RECIPIENT...
The password is read from the environment, SMTPETER_PASSWORD, so that it stands in no process list.
"""

import argparse
import os
import re
import smtplib
import ssl
import sys
from pathlib import Path


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--server", default="127.0.0.1:2587")
    arguments.add_argument("--ca", help="the certificate to trust, when it is self-signed")
    arguments.add_argument("--login", required=True)
    arguments.add_argument("--from", dest="sender", default="news@example.com")
    arguments.add_argument("message", type=Path)
    arguments.add_argument("recipients", nargs="+")
    given = arguments.parse_args()
    if "SMTPETER_PASSWORD" not in os.environ:
        sys.exit("the password is read from the environment: set SMTPETER_PASSWORD")
    try:
        send(given)
    except (OSError, smtplib.SMTPException) as error:
        sys.exit(f"{given.server}: {error}")


def send(given: argparse.Namespace) -> None:
    host, _, port = given.server.rpartition(":")
    content = re.sub(
        rb"\r\n|\r|\n", b"\r\n", given.message.read_bytes()
    )  # mail has CRLF, files often have not
    with smtplib.SMTP(host, int(port), timeout=30) as server:
        server.starttls(context=ssl.create_default_context(cafile=given.ca))
        server.login(given.login, os.environ["SMTPETER_PASSWORD"])
        server.mail(given.sender)
        for recipient in given.recipients:
            code, text = server.rcpt(recipient)
            if code >= 300:
                sys.exit(f"{recipient}: {code} {text.decode()}")
        code, text = server.data(content)
    print(code, text.decode())
    if code >= 300:
        sys.exit(1)


if __name__ == "__main__":
    main()
