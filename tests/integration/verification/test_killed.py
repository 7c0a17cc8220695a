"""A run that is killed in the middle leaves a message behind, and the next one removes it."""

import asyncio
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from integration.conftest import Account
from integration.verification.targets import asked, by_step, incoming, outgoing
from mailbox_operator.mail.guard import ANYTHING
from mailbox_operator.verification.limits import Limits
from mailbox_operator.verification.model import Step, Target, Verdict
from mailbox_operator.verification.runner import verify
from support.kube import until
from testbed.mailserver import MailServer

pytestmark = [pytest.mark.integration, pytest.mark.timeout(60)]

TOKEN = "e" * 32


@contextmanager
def listening_in(port: int, *, word: bytes, heard: Callable[[], object]) -> Iterator[int]:
    """Pass on one connection to `port`; when the client says `word`, that line is withheld and `heard` is called."""
    listener = socket.create_server(("127.0.0.1", 0))

    def pass_on(source: socket.socket, sink: socket.socket, *, watched: bool) -> None:
        with suppress(OSError):
            while octets := source.recv(65536):
                if watched and word in octets:
                    heard()
                    break
                sink.sendall(octets)
        with suppress(OSError):
            sink.shutdown(socket.SHUT_WR)

    def serve() -> None:
        with suppress(OSError):
            client, _ = listener.accept()
            with client, socket.create_connection(("127.0.0.1", port)) as server:
                back = threading.Thread(target=pass_on, args=(server, client), kwargs={"watched": False})
                back.start()
                pass_on(client, server, watched=True)
                back.join(timeout=60)

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield listener.getsockname()[1]
    finally:
        with suppress(OSError):
            listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join(timeout=60)


def test_what_a_killed_run_left_behind_serves_the_next_and_is_removed(
    server: MailServer, account: Account, tmp_path: Path
) -> None:
    ca_file = tmp_path / "ca.pem"
    ca_file.write_text(server.ca_pem)
    about_to_delete = threading.Event()
    with listening_in(server.dovecot.imap, word=b" SELECT ", heard=about_to_delete.set) as port:
        arguments = [str(port), str(server.postfix.submission), str(ca_file), account.address, account.password, TOKEN]
        with subprocess.Popen([sys.executable, Path(__file__).with_name("killed_run.py"), *arguments]) as process:
            assert about_to_delete.wait(timeout=120), "the message has come and is about to be deleted"
            process.send_signal(signal.SIGKILL)
    assert process.returncode == -signal.SIGKILL
    assert server.dovecot.count(account.address) == 1
    target = Target(
        address=account.address,
        incoming=incoming(server, account),
        outgoing=outgoing(server, account),
        test=asked(TOKEN),
    )
    until(lambda: saved(server, account), seconds=5, what="the log tells of the message")
    found = by_step(asyncio.run(verify(target, policy=ANYTHING, limits=Limits())))[Step.TEST_MESSAGE_DELIVERED]
    assert found.verdict is Verdict.TRUE
    assert server.dovecot.count(account.address) == 0
    assert saved(server, account) == 1, "no second message"


def saved(server: MailServer, account: Account) -> int:
    """Return how often mail came for the account."""
    lines = server.dovecot.log().splitlines()
    return sum(account.address in line and "saved mail to INBOX" in line for line in lines)
