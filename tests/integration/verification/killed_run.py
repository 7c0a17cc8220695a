"""A run in a process of its own, for the test that kills it: ports, CA file, address, password and token are its arguments."""

import asyncio
import sys
from pathlib import Path

from mailbox_operator.mail.credential import Credential
from mailbox_operator.mail.endpoint import Endpoint, Protocol, Security, TlsOptions
from mailbox_operator.mail.guard import ANYTHING
from mailbox_operator.mail.secret import Secret
from mailbox_operator.verification.limits import Limits
from mailbox_operator.verification.model import LoopTest, Side, Target
from mailbox_operator.verification.runner import verify


def main(imap: str, submission: str, ca_file: str, address: str, password: str, token: str) -> None:
    tls = TlsOptions(ca_pem=Path(ca_file).read_text())
    credential = Credential(username=address, secret=Secret(password))

    def side(protocol: Protocol, port: str, security: Security) -> Side:
        endpoint = Endpoint(protocol=protocol, host="localhost", port=int(port), security=security, tls=tls)
        return Side(endpoint=endpoint, credential=credential)

    target = Target(
        address=address,
        incoming=side(Protocol.IMAP, imap, Security.NONE),
        outgoing=side(Protocol.SMTP, submission, Security.START_TLS),
        test=LoopTest(token=token, is_sent=False),
    )
    asyncio.run(verify(target, policy=ANYTHING, limits=Limits()))


if __name__ == "__main__":
    main(*sys.argv[1:])
