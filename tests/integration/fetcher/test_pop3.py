"""POP3 from a real Dovecot to a webhook: as it was, once, and left or removed as it is asked."""

import random
import socket
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import pytest

from conformance.source import Server, SourceSuite
from integration.conftest import Account
from integration.fetcher.conftest import Fetcher, Receiver
from mailbox_operator.fetcher.plan import Source as SourcePlan
from mailbox_operator.mail.endpoint import Protocol, Security
from support.kube import until
from testbed.dovecot import Dovecot
from testbed.mailserver import MailServer, free_ports, servers_folder

pytestmark = [pytest.mark.integration, pytest.mark.timeout(60)]

USER: Final = "pop@peers.test"
KILLS: Final = 6


@pytest.fixture(params=[Security.TLS, Security.START_TLS])
def pop3(request: pytest.FixtureRequest, server: MailServer, fetcher: Fetcher) -> Fetcher:
    """The fetcher, told to come by POP3."""
    ports = {Security.TLS: server.dovecot.pop3s, Security.START_TLS: server.dovecot.pop3}
    fetcher.change_source(protocol=Protocol.POP3, port=ports[request.param], security=request.param)
    return fetcher


only_tls = pytest.mark.parametrize("pop3", [Security.TLS], indirect=True)


def message(number: int, body: bytes = b"Body\r\n.\r\n..two dots\r\n") -> bytes:
    return b"Message-ID: <%d@x>\r\nFrom: a@example.com\r\n\r\n" % number + body


def test_mail_is_delivered_as_it_was_and_left_there(
    server: MailServer, account: Account, receiver: Receiver, pop3: Fetcher
) -> None:
    server.dovecot.seed(account.address, [message(1)])
    pop3.change(push=False, interval_seconds=0.5)
    pop3.start()
    [event] = receiver.wait_accepted(1)
    assert event.body == message(1)
    assert event.fields["ce-subject"] == "INBOX"
    pop3.wait_state("Idle")
    server.dovecot.seed(account.address, [message(2)])
    receiver.wait_accepted(2)
    assert pop3.stop() == 0
    server.dovecot.seed(account.address, [message(3)])
    assert pop3.once() == 0
    assert [event.fields["ce-messageid"] for event in receiver.events] == ["<1@x>", "<2@x>", "<3@x>"]
    assert server.dovecot.count(account.address) == 3


@only_tls
def test_mail_is_removed_when_the_webhook_has_it_and_stays_when_it_has_not(
    server: MailServer, account: Account, receiver: Receiver, pop3: Fetcher
) -> None:
    receiver.answer = lambda fields, _body: 422 if fields["ce-messageid"] == "<7@x>" else 204
    server.dovecot.seed(account.address, [message(number) for number in range(20)])
    pop3.change(leave_on_server=False)
    assert pop3.once() == 0
    assert server.dovecot.count(account.address) == 1
    assert pop3.progress().quarantined == 1
    assert pop3.once() == 0
    assert len(receiver.accepted) == 19, "nothing came again"


@only_tls
def test_killed_at_any_moment_nothing_is_lost_and_each_repeat_is_told_by_its_id(
    server: MailServer, account: Account, receiver: Receiver, pop3: Fetcher
) -> None:
    chance = random.Random(3)  # noqa: S311 - the same moments each time
    count = 200
    server.dovecot.seed(account.address, [message(number) for number in range(count)])
    receiver.delay = 0.002
    pop3.change(leave_on_server=False, deduplicate=False)
    for _ in range(KILLS):
        before = len(receiver.events)
        pop3.run_in_background()
        until(
            lambda before=before: len(receiver.events) > before or server.dovecot.count(account.address) == 0,  # type: ignore[misc]  # a default binds it
            seconds=20,
            what=lambda: f"it delivers\n{pop3.log()}",
            pause=0.005,
        )
        moment = time.monotonic() + chance.uniform(0, 0.25)
        until(lambda moment=moment: time.monotonic() > moment, seconds=2, what="the moment", pause=0.001)  # type: ignore[misc]  # a default binds it
        pop3.kill()
    assert pop3.once() == 0
    ids: dict[str, set[bytes]] = {}
    for event in receiver.accepted:
        ids.setdefault(event.id, set()).add(event.body)
    assert {body for bodies in ids.values() for body in bodies} == {message(number) for number in range(count)}
    assert all(len(bodies) == 1 for bodies in ids.values())
    assert len(ids) == count
    assert server.dovecot.count(account.address) == 0


@only_tls
def test_a_large_message_does_not_fill_the_memory(
    server: MailServer, account: Account, receiver: Receiver, pop3: Fetcher
) -> None:
    large = message(1, b"\r\n".join([b".x" * 40] * 500_000) + b"\r\n")
    server.dovecot.seed(account.address, [large])
    pop3.change(max_message_size=100_000_000)
    pop3.start()
    [event] = receiver.wait_accepted(1, seconds=40)
    assert event.body == large
    assert pop3.process
    status = Path(f"/proc/{pop3.process.pid}/status").read_text()
    peak = next(int(line.split()[1]) / 1024 for line in status.splitlines() if line.startswith("VmHWM"))
    assert peak < 64, f"{peak:.0f} MiB"


@only_tls
def test_a_refused_login_is_tried_once_and_told(
    server: MailServer, account: Account, receiver: Receiver, pop3: Fetcher
) -> None:
    pop3.write_password("not-it")
    server.dovecot.seed(account.address, [message(1)])
    pop3.start()
    progress = pop3.wait_state("LoginRefused")
    assert progress.reason == "CredentialsInvalid"
    assert server.dovecot.refused_logins(account.address, least=1) == 1
    pop3.write_password(account.password)
    receiver.wait_accepted(1)


@dataclass
class RealPop3:
    """A Dovecot of its own, by POP3S."""

    server: MailServer
    root: Path
    dovecot: Dovecot | None = None
    waiting: list[bytes] = field(default_factory=list)

    @property
    def refusals(self) -> int:
        assert self.dovecot
        return self.dovecot.refused_logins(USER, least=1)

    async def start(self, password_file: Path) -> SourcePlan:
        imap, imaps, pop3s = free_ports(3)
        self.dovecot = Dovecot.start(self.root, pki=self.server.pki, imap=imap, imaps=imaps, pop3s=pop3s)
        self.dovecot.set_password(USER, "right")
        self.dovecot.seed(USER, self.waiting)
        return SourcePlan(
            protocol=Protocol.POP3,
            host="localhost",
            port=pop3s,
            security=Security.TLS,
            username=USER,
            password_file=str(password_file),
            ca_file=str(self.server.pki.folder / "ca.pem"),
        )

    def put(self, octets: bytes) -> None:
        if self.dovecot:
            self.dovecot.seed(USER, [octets])
        else:
            self.waiting.append(octets)

    async def stop(self) -> None:
        if self.dovecot:
            self.dovecot.stop()
            port = self.dovecot.pop3s
            until(lambda: not listens(port), seconds=5, what="nobody listens any more")


def listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


class TestDovecot(SourceSuite):
    """The suite of all sources, against the real server."""

    @pytest.fixture
    def server(self, server: MailServer) -> Iterator[Server]:
        with servers_folder() as root:
            yield RealPop3(server=server, root=root)
