"""LMTP into a real Dovecot and into Postfix' test server."""

import secrets
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from conformance.sink import Receiver, SinkSuite
from integration.conftest import DOMAIN, Account
from integration.fetcher.conftest import Fetcher
from mailbox_operator.fetcher.plan import Lmtp
from mailbox_operator.fetcher.sink import Sink, SinkContext
from mailbox_operator.fetcher.sinks import make_sink
from mailbox_operator.mail.endpoint import Security
from support.kube import until
from testbed.mailserver import MailServer, free_ports
from testbed.smtp_sink import SmtpSink

pytestmark = pytest.mark.integration

START = b"From: a@example.com"


@dataclass
class DovecotBox:
    """An account on Dovecot; it is away while a file is where its mail should be."""

    server: MailServer
    address: str
    security: Security

    @property
    def lmtp(self) -> Lmtp:
        dovecot = self.server.dovecot
        return Lmtp(
            host="localhost",
            port=dovecot.lmtps if self.security is Security.TLS else dovecot.lmtp,
            recipient=self.address,
            security=self.security,
            ca_file=str(self.server.pki.folder / "ca.pem"),
        )

    @property
    def home(self) -> Path:
        return self.server.dovecot.root / "mail" / self.address

    def make(self, context: SinkContext) -> Sink:
        return make_sink(self.lmtp, context)

    def received(self) -> list[bytes]:
        """Return what was stored, without the fields that Dovecot puts before it."""
        files = [file.read_bytes() for folder in ("new", "cur") for file in (self.home / "Maildir" / folder).iterdir()]
        return [octets[octets.index(START) :].replace(b"\n", b"\r\n") for octets in files]

    def take_away(self) -> None:
        self.home.touch()

    def bring_back(self) -> None:
        self.home.unlink()


class TestDovecot(SinkSuite):
    @pytest.fixture
    def receiver(self, server: MailServer) -> Receiver:
        return DovecotBox(server, f"u{secrets.token_hex(4)}@{DOMAIN}", Security.START_TLS)


@dataclass
class SinkBox:
    """Postfix' test server; away is away."""

    sink: SmtpSink

    def make(self, context: SinkContext) -> Sink:
        lmtp = Lmtp(host="127.0.0.1", port=self.sink.port, recipient="a@example.com", security=Security.NONE)
        return make_sink(lmtp, context)

    def received(self) -> list[bytes]:
        return self.sink.messages()

    def take_away(self) -> None:
        self.sink.stop()

    def bring_back(self) -> None:
        self.sink.start()


class TestPostfix(SinkSuite):
    @pytest.fixture(params=[(), ("-p",)], ids=["pipelining", "step by step"])
    def receiver(self, request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Receiver]:
        folder = tmp_path / "sink"
        folder.mkdir()
        box = SinkBox(SmtpSink(folder=folder, port=free_ports(1)[0], options=request.param))
        box.bring_back()
        yield box
        box.take_away()


@pytest.fixture
def box(server: MailServer) -> DovecotBox:
    return DovecotBox(server, f"u{secrets.token_hex(4)}@{DOMAIN}", Security.TLS)


def test_a_mailbox_goes_into_another_as_it_is(
    server: MailServer, account: Account, box: DovecotBox, fetcher: Fetcher
) -> None:
    eight_bit = (
        START + b"\r\nMessage-ID: <8@x>\r\nContent-Type: text/plain; charset=utf-8\r\n\r\nGr\xc3\xbc\xc3\x9fe\r\n"
    )
    dots = START + b"\r\nMessage-ID: <9@x>\r\n\r\n.\r\n..\r\n.a\r\n"
    plain = [START + b"\r\nMessage-ID: <%d@x>\r\n\r\n%d\r\n" % (n, n) for n in range(10, 210)]
    server.dovecot.seed(account.address, [eight_bit, dots, *plain])
    fetcher.write_plan(replace(fetcher.plan, delivery=box.lmtp))
    assert fetcher.once() == 0
    assert sorted(box.received()) == sorted([eight_bit, dots, *plain])
    assert fetcher.saved()["messagesDelivered"] == 202


def test_a_certificate_that_is_not_trusted_is_told_at_once(
    server: MailServer, account: Account, box: DovecotBox, fetcher: Fetcher
) -> None:
    server.dovecot.seed(account.address, [START + b"\r\n\r\nx\r\n"])
    fetcher.write_plan(replace(fetcher.plan, delivery=replace(box.lmtp, ca_file=None)))
    fetcher.start()
    progress = fetcher.wait_state("SinkFailing")
    assert progress.reason == "SinkUntrusted"
    assert "certificate" in progress.message
    fetcher.write_plan(replace(fetcher.plan, delivery=box.lmtp))
    assert fetcher.wait_state("Idle", seconds=15).messages_delivered == 1


def test_a_refused_message_is_quarantined_and_a_refused_recipient_is_not(
    server: MailServer, account: Account, fetcher: Fetcher, tmp_path: Path
) -> None:
    folder = tmp_path / "sink"
    folder.mkdir()
    server.dovecot.seed(account.address, [START + b"\r\n\r\nx\r\n"])
    refusing = SmtpSink(folder=folder, port=free_ports(1)[0], options=("-f", "RCPT"))
    refusing.start()
    fetcher.write_plan(
        replace(
            fetcher.plan,
            delivery=Lmtp(host="127.0.0.1", port=refusing.port, recipient="a@b.test", security=Security.NONE),
        )
    )
    fetcher.start()
    progress = fetcher.wait_state("SinkFailing")
    assert (progress.reason, progress.quarantined) == ("SinkRejected", 0)
    assert "RCPT" in progress.message
    refusing.stop()
    shutil.rmtree(folder)
    folder.mkdir()
    refusing.options = ("-f", ".")
    refusing.start()
    until(lambda: fetcher.metric("quarantined") == 1, seconds=20, what=lambda: f"quarantined\n{fetcher.log()}")
    refusing.stop()
