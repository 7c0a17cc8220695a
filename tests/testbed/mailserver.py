"""Dovecot and Postfix together: a mail server as a mailbox sees it."""

import itertools
import os
import random
import shutil
import socket
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from testbed.dovecot import Dovecot
from testbed.pki import Pki
from testbed.postfix import Postfix

WORKER: Final = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
WORKERS: Final = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
_PORTS: Final = itertools.cycle(random.sample(range(10_000 + WORKER, 32_000, WORKERS), 20_000 // WORKERS))
"""Each process of a test run has ports of its own: what one has found free, another does not take before it is used."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MailServer:
    """A running pair."""

    address: str
    pki: Pki
    dovecot: Dovecot
    postfix: Postfix

    @property
    def ca_pem(self) -> str:
        """The CA of its certificates."""
        return self.pki.ca_pem


@contextmanager
def servers_folder() -> Iterator[Path]:
    """Make a folder that servers can enter under users of their own; pytest closes its own to them at each start."""
    root = Path(tempfile.mkdtemp(prefix="mail-"))
    root.chmod(0o755)
    try:
        yield root
    finally:
        shutil.rmtree(root, ignore_errors=True)


@contextmanager
def running_mail_server(
    *names: str, address: str = "127.0.0.1", domain: str, standard_ports: bool = False
) -> Iterator[MailServer]:
    """Run a pair on `address`; its certificate is good for `names`, localhost and 127.0.0.1."""
    ports = [143, 993, 25, 587, 465, 110, 995, 24, 2424] if standard_ports else free_ports(9, address)
    with servers_folder() as root:
        pki = Pki.make(root / "pki", *names)
        dovecot = Dovecot.start(
            root / "dovecot",
            pki=pki,
            address=address,
            imap=ports[0],
            imaps=ports[1],
            pop3=ports[5],
            pop3s=ports[6],
            lmtp=ports[7],
            lmtps=ports[8],
        )
        try:
            postfix = Postfix.start(
                root / "postfix",
                dovecot=dovecot,
                pki=pki,
                domain=domain,
                smtp=ports[2],
                submission=ports[3],
                submissions=ports[4],
            )
            try:
                yield MailServer(address=address, pki=pki, dovecot=dovecot, postfix=postfix)
            finally:
                postfix.stop()
        finally:
            dovecot.stop()


def free_ports(count: int, address: str = "127.0.0.1") -> list[int]:
    """Return ports that nobody listens on, and that this process has not returned before.

    They lie below those that the system gives to outgoing connections, which come and go while a server starts.
    """
    found: list[int] = []
    while len(found) < count:
        port = next(_PORTS)
        with suppress(OSError), socket.create_server((address, port)):
            found.append(port)
    return found
