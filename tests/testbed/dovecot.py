"""A private Dovecot 2.3: IMAP, POP3, LMTP, and SASL for Postfix."""

import imaplib
import os
import re
import shutil
import signal
import subprocess
import time
import uuid
from contextlib import suppress
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
        self.process.wait(timeout=60)

    def kill(self) -> None:
        """Kill -9 the whole of it, and wait until nobody listens on its ports any more."""
        found = subprocess.run(["pgrep", "-P", str(self.process.pid)], capture_output=True, text=True, check=False)
        children = [int(line) for line in found.stdout.split()]
        for child in children:
            with suppress(ProcessLookupError):  # it has ended by itself meanwhile
                os.kill(child, signal.SIGKILL)
        self.process.kill()
        self.process.wait(timeout=60)
        until(lambda: not any(map(_runs, children)), seconds=10, what="all of its processes have ended")
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

    def logins(self, address: str, *, least: int = 0) -> int:
        """Return how often the account signed in, once it is `least`: the log is written after the client was answered."""
        return self._told(rf"(?:imap|pop3)-login: Info: Login: user=<{re.escape(address)}>", least=least)

    def refused_logins(self, address: str, *, least: int = 0) -> int:
        """Return how often it was refused, once it is `least`."""
        return self._told(rf"passwd-file\({re.escape(address)},[^)]*\): .*[Pp]assword mismatch", least=least)

    def _told(self, words: str, *, least: int) -> int:
        """Wait until the log has said something `least` times, and return how often it has."""
        until(
            lambda: len(re.findall(words, self.log())) >= least,
            seconds=5,
            what=lambda: f"{words} {least} times in\n{self.log()[-3000:]}",
            pause=0.01,
        )
        return len(re.findall(words, self.log()))

    def seed(self, address: str, messages: list[bytes], *, folder: str = "INBOX", flags: str = "") -> None:
        """Put messages into one of the account's folders, all at once; flags are Maildir's letters."""
        maildir = self.maildir(address, folder)
        for number, message in enumerate(messages):
            name = f"{1_700_000_000 + number}.{uuid.uuid4().hex}.test"
            path = maildir / "tmp" / name  # as the format says: the server may be looking
            path.write_bytes(message)
            shutil.chown(path, "mail", "mail")
            path.rename(maildir / f"cur/{name}:2,{flags}" if flags else maildir / f"new/{name}")

    def flags(self, address: str, folder: str = "INBOX") -> list[str]:
        """Return the flags of a folder's messages, in Maildir's letters, by their time; [] if there is no such folder."""
        maildir = self._folder(address, folder)
        paths = sorted(path.name for name in ("new", "cur") for path in (maildir / name).glob("*"))
        return [name.partition(":2,")[2] for name in paths]

    def session(self, address: str, password: str) -> imaplib.IMAP4:
        """Return a session of another client."""
        client = imaplib.IMAP4(self.address, self.imap, timeout=10)
        client.login(address, password)
        return client

    def remove_folder(self, address: str, folder: str) -> None:
        """Delete a folder with all that is in it."""
        shutil.rmtree(self._folder(address, folder))

    def _folder(self, address: str, folder: str) -> Path:
        """Maildir++: folders lie beside the INBOX, their names in modified UTF-7 with a dot before."""
        inbox = self.root / "mail" / address / "Maildir"
        return inbox if folder == "INBOX" else inbox / f".{folder}"

    def maildir(self, address: str, folder: str = "INBOX") -> Path:
        """Return a folder's Maildir, made if need be."""
        found, inbox = self._folder(address, folder), self._folder(address, "INBOX")
        for path in (inbox.parent, inbox, found, *(found / name for name in ("cur", "new", "tmp"))):
            if not path.exists():
                path.mkdir()
                shutil.chown(path, "mail", "mail")
        return found

    def count(self, address: str) -> int:
        """Return how many messages the INBOX holds."""
        return sum(1 for name in ("cur", "new") for _ in (self.maildir(address) / name).iterdir())


def _runs(process: int) -> bool:
    """Whether a process still holds anything: one that has ended and waits for its parent does not."""
    try:
        state = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state not in {"Z", "X"}
