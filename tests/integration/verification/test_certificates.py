"""What is wrong with a certificate is named, and nothing is sent past it."""

import socket
import ssl

import pytest

from integration.conftest import Account
from mailbox_operator.diagnosis.finding import Retry
from mailbox_operator.mail.credential import Credential
from mailbox_operator.mail.endpoint import Endpoint, Protocol, Security, TlsOptions
from mailbox_operator.mail.guard import ANYTHING
from mailbox_operator.mail.secret import Secret
from mailbox_operator.verification.limits import Limits
from mailbox_operator.verification.model import Report, Side, Step, StepResult, Target, Timeouts, Verdict
from mailbox_operator.verification.runner import verify
from testbed.mailserver import MailServer
from testbed.scripted import Talk, answering, talking

pytestmark = pytest.mark.integration

CAPABILITY = b"* CAPABILITY IMAP4rev1 AUTH=PLAIN\r\n% OK done\r\n"


def speaking_tls(
    server: MailServer, certificate: str, *, newest: ssl.TLSVersion = ssl.TLSVersion.TLSv1_3, heard: list[bytes]
) -> Talk:
    """An IMAP server that shows one of the testbed's certificates."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.maximum_version = newest
    context.load_cert_chain(server.pki.certificate(certificate), server.pki.key(certificate))

    def talk(connection: socket.socket) -> None:
        with context.wrap_socket(connection.dup(), server_side=True) as secured:
            answering(b"* OK ready\r\n", {b"CAPABILITY": CAPABILITY, b"LOGOUT": b"* BYE\r\n% OK\r\n"}, heard=heard)(
                secured
            )

    return talk


async def prove(server: MailServer, account: Account, port: int, *, minimum_version: str = "TLSv1.2") -> Report:
    tls = TlsOptions(ca_pem=server.ca_pem, minimum_version=minimum_version)
    endpoint = Endpoint(protocol=Protocol.IMAP, host="localhost", port=port, security=Security.TLS, tls=tls)
    side = Side(endpoint=endpoint, credential=Credential(username=account.address, secret=Secret(account.password)))
    timeouts = Timeouts(connect=15, authenticate=0.3, step=1)
    target = Target(address=account.address, incoming=side, outgoing=None, timeouts=timeouts)
    return await verify(target, policy=ANYTHING, limits=Limits())


def secured(report: Report) -> StepResult:
    return next(result for result in report.results if result.step is Step.INCOMING_SECURED)


@pytest.mark.parametrize(
    ("certificate", "reason", "retry"),
    [
        ("expired", "TLSCertificateExpired", Retry.BACKOFF),
        ("wronghost", "TLSHostnameMismatch", Retry.LIMITED),
        ("untrusted", "TLSCertificateUntrusted", Retry.LIMITED),
    ],
)
async def test_a_bad_certificate_is_named_and_nothing_is_said_behind_it(
    server: MailServer, account: Account, certificate: str, reason: str, retry: Retry
) -> None:
    heard: list[bytes] = []
    with talking(speaking_tls(server, certificate, heard=heard)) as port:
        result = secured(await prove(server, account, port))
    assert (result.verdict, result.reason, result.retry) == (Verdict.FALSE, reason, retry)
    assert heard == []


async def test_an_old_version_of_tls_is_refused(server: MailServer, account: Account) -> None:
    with talking(speaking_tls(server, "server", newest=ssl.TLSVersion.TLSv1_2, heard=[])) as port:
        result = secured(await prove(server, account, port, minimum_version="TLSv1.3"))
    assert (result.verdict, result.reason) == (Verdict.FALSE, "TLSVersionUnsupported")
    assert "tls.minVersion" in result.message


async def test_a_certificate_that_expires_soon_is_good_and_warned_about(server: MailServer, account: Account) -> None:
    with talking(speaking_tls(server, "shortlived", heard=[])) as port:
        report = await prove(server, account, port)
    assert secured(report).verdict is Verdict.TRUE
    assert [caution.type for caution in report.cautions] == ["CertificateExpiresSoon"]
    assert "have it renewed" in report.cautions[0].message
