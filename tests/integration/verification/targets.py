"""What is verified in these tests, and how: a mailbox on the real servers, seen from either side."""

from collections.abc import Callable
from dataclasses import replace

from integration.conftest import Account
from mailbox_operator.mail.credential import Credential
from mailbox_operator.mail.endpoint import Endpoint, Protocol, Security, TlsOptions
from mailbox_operator.mail.guard import ANYTHING, AddressPolicy
from mailbox_operator.mail.secret import Secret
from mailbox_operator.verification.limits import Limits
from mailbox_operator.verification.model import LoopTest, Report, Side, Step, StepResult, Target, Timeouts
from mailbox_operator.verification.runner import verify
from testbed.mailserver import MailServer

INCOMING_PORTS: dict[Security, Callable[[MailServer], int]] = {
    Security.TLS: lambda server: server.dovecot.imaps,
    Security.START_TLS: lambda server: server.dovecot.imap,
    Security.NONE: lambda server: server.dovecot.imap,
}
OUTGOING_PORTS: dict[Security, Callable[[MailServer], int]] = {
    Security.TLS: lambda server: server.postfix.submissions,
    Security.START_TLS: lambda server: server.postfix.submission,
    Security.NONE: lambda server: server.postfix.submission,
}


def incoming(server: MailServer, account: Account, security: Security = Security.TLS) -> Side:
    return _side(server, account, protocol=Protocol.IMAP, port=INCOMING_PORTS[security](server), security=security)


def outgoing(server: MailServer, account: Account, security: Security = Security.START_TLS) -> Side:
    return _side(server, account, protocol=Protocol.SMTP, port=OUTGOING_PORTS[security](server), security=security)


def _side(server: MailServer, account: Account, *, protocol: Protocol, port: int, security: Security) -> Side:
    return Side(
        endpoint=Endpoint(
            protocol=protocol, host="localhost", port=port, security=security, tls=TlsOptions(ca_pem=server.ca_pem)
        ),
        credential=Credential(username=account.address, secret=Secret(account.password)),
    )


def receiving(server: MailServer, account: Account) -> Target:
    return Target(
        address=account.address,
        incoming=incoming(server, account),
        outgoing=None,
        timeouts=Timeouts(connect=15, authenticate=15, step=30),
    )


async def prove(target: Target, policy: AddressPolicy = ANYTHING) -> Report:
    return await verify(target, policy=policy, limits=Limits())


def asked(token: str = "f" * 32, *, is_sent: bool = False) -> LoopTest:
    return LoopTest(token=token, is_sent=is_sent)


def by_step(report: Report) -> dict[Step, StepResult]:
    return {result.step: result for result in report.results}


def changed(side: Side, **endpoint: object) -> Side:
    return replace(side, endpoint=replace(side.endpoint, **endpoint))  # type: ignore[arg-type]  # any field
