"""aiosmtpd as a submission server that throws away what it takes: `discarding.py PORT CERTIFICATE PRIVATE_KEY LOGIN`.

It is the lower bound of what a Python server pays for the conversation alone; nothing is kept, nothing is judged.
"""

from __future__ import annotations

import asyncio
import contextlib
import ssl
import sys

from aiosmtpd.handlers import Sink
from aiosmtpd.smtp import SMTP, AuthResult, LoginPassword

_UNLIMITED = 1 << 30


def main() -> None:
    port, certificate, private_key, login = sys.argv[1:]
    username, _, password = login.encode().partition(b":")
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate, private_key)

    def judge(*about: object) -> AuthResult:
        return AuthResult(success=about[-1] == LoginPassword(username, password))

    def session() -> SMTP:
        return SMTP(
            Sink(),
            hostname="aiosmtpd.example",
            tls_context=context,
            require_starttls=True,
            auth_required=True,
            authenticator=judge,
            command_call_limit=_UNLIMITED,
        )

    async def serve() -> None:
        server = await asyncio.get_running_loop().create_server(session, "127.0.0.1", int(port))
        await server.serve_forever()

    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(serve())


if __name__ == "__main__":
    main()
