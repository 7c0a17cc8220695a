"""A private Dovecot 2.3: IMAP, POP3, LMTP, and SASL for Postfix."""

import os
import re
import shutil
import signal
import subprocess
import time
import uuid
from dataclasses import dataclass
from pathlib import Path
from string import Template
from typing import Final

from support.kube import until
from testbed.pki import Pki

TEMPLATE: Final = Template(Path(__file__).with_name("dovecot.conf.in").read_text())


@dataclass(frozen=True, slots=True, kw_only=True)
class Dovecot:
    """A running server."""

    root: Path
    address: str
    imap: int
    imaps: int
    pop3: int
    pop3s: int
    lmtp: int
    lmtps: int
    process: subprocess.Popen[bytes]

    @classmethod
    def start(
        cls,
        root: Path,
        *,
        pki: Pki,
        address: str = "127.0.0.1",
        imap: int = 143,
        imaps: int = 993,
        pop3: int = 0,
        pop3s: int = 0,
        lmtp: int = 0,
        lmtps: int = 0,
        certificate: str = "server",
        settings: str = "",
    ) -> "Dovecot":
        """Start one below `root` and wait until it answers; port 0: not this service.

        `settings` are further lines of its configuration.
        """
        for name in ("run", "state", "log", "mail", "users"):
            (root / name).mkdir(parents=True, exist_ok=True)
        shutil.chown(root / "mail", "mail", "mail")
        values = {
            "root": root,
            "address": address,
            "imap": imap,
            "imaps": imaps,
            "pop3": pop3,
            "pop3s": pop3s,
            "lmtp": lmtp,
            "lmtps": lmtps,
            "cert": pki.certificate(certificate),
            "key": pki.key(certificate),
            "settings": settings,
        }
        (root / "dovecot.conf").write_text(TEMPLATE.substitute(values))
        process = subprocess.Popen(
            ["dovecot", "-F", "-c", root / "dovecot.conf"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        started = cls(
            root=root,
            address=address,
            imap=imap,
            imaps=imaps,
            pop3=pop3,
            pop3s=pop3s,
            lmtp=lmtp,
            lmtps=lmtps,
            process=process,
        )
        until(lambda: "starting up" in started.log(), seconds=10, what=started.log)
        return started

    def stop(self) -> None:
        """Stop it and wait until it has gone."""
        self.process.terminate()
        self.process.wait(timeout=10)

    def kill(self) -> None:
        """Kill -9 the whole of it."""
        for line in subprocess.run(
            ["pgrep", "-P", str(self.process.pid)], capture_output=True, text=True, check=False
        ).stdout.split():
            os.kill(int(line), signal.SIGKILL)
        self.process.kill()
        self.process.wait(timeout=10)
        (self.root / "run/master.pid").unlink(missing_ok=True)

    def log(self) -> str:
        """Return its log so far."""
        path = self.root / "log/dovecot.log"
        return path.read_text(errors="replace") if path.exists() else ""

    def set_password(self, address: str, password: str) -> None:
        """Make an account, or change its password; return when the server goes by it."""
        path = self.root / "users" / address
        changed = path.stat().st_mtime + 1 if path.exists() else None
        new = path.with_suffix(".new")
        new.write_text(f"{address}:{{PLAIN}}{password}\n")
        new.chmod(0o644)
        if changed:  # Dovecot looks once a second whether the file has another mtime, in whole seconds
            os.utime(new, (changed, changed))
        new.replace(path)
        if changed:
            second = int(time.time())
            until(lambda: int(time.time()) > second, seconds=2, what="the next second")

    def logins(self, address: str) -> int:
        """Return how often the account signed in."""
        return len(re.findall(rf"(?:imap|pop3)-login: Info: Login: user=<{re.escape(address)}>", self.log()))

    def refused_logins(self, address: str) -> int:
        """Return how often it was refused."""
        return len(re.findall(rf"passwd-file\({re.escape(address)},[^)]*\): .*[Pp]assword mismatch", self.log()))

    def seed(self, address: str, messages: list[bytes]) -> None:
        """Put messages into the account's INBOX, all at once."""
        new = self.maildir(address) / "new"
        for number, message in enumerate(messages):
            path = new / f"{1_700_000_000 + number}.{uuid.uuid4().hex}.test"
            path.write_bytes(message)
            shutil.chown(path, "mail", "mail")

    def maildir(self, address: str) -> Path:
        """Return the account's Maildir, made if need be."""
        found = self.root / "mail" / address / "Maildir"
        for folder in (found.parent, found, *(found / name for name in ("cur", "new", "tmp"))):
            if not folder.exists():
                folder.mkdir()
                shutil.chown(folder, "mail", "mail")
        return found

    def count(self, address: str) -> int:
        """Return how many messages the INBOX holds."""
        return sum(1 for name in ("cur", "new") for _ in (self.maildir(address) / name).iterdir())
