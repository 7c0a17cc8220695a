"""The one mail server of all mailboxes: a private Dovecot with an account for each."""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from testbed.address import address_of_its_own
from testbed.dovecot import Dovecot
from testbed.pki import Pki

PASSWORD: Final = "correct horse battery"
PORT: Final = 993


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """The running server."""

    address: str
    ca_pem: str
    dovecot: Dovecot

    @property
    def log(self) -> Path:
        """Where the server writes down each session."""
        return self.dovecot.root / "log/dovecot.log"

    def account(self, name: str) -> None:
        """Make an account."""
        self.dovecot.set_password(user(name), PASSWORD)


def user(name: str) -> str:
    """Return the address of an account."""
    return f"{name}@bench.test"


@contextmanager
def running_server() -> Iterator[Server]:
    """Run it on an address that is neither loopback nor the cluster's: the operator dials no others."""
    root = Path(tempfile.mkdtemp(prefix="bench-reverify-"))
    root.chmod(0o755)  # Dovecot runs as users of its own
    try:
        with address_of_its_own() as address:
            pki = Pki.make(root / "pki")
            dovecot = Dovecot.start(root / "dovecot", pki=pki, address=address)
            try:
                yield Server(address=address, ca_pem=pki.ca_pem, dovecot=dovecot)
            finally:
                dovecot.stop()
    finally:
        shutil.rmtree(root, ignore_errors=True)
