"""Mail servers of the race: one a corpus, its index warm, and beside it one that offers compression."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

from fetch_race.corpus import fill_maildir
from fetch_race.course import PASSWORD, USER, Drop, Server
from testbed.dovecot import Dovecot
from testbed.mailserver import free_ports
from testbed.pki import Pki

POP3: Final = """
protocols = imap lmtp pop3
service pop3-login {{
  chroot =
  inet_listener pop3 {{
    port = {pop3}
  }}
  inet_listener pop3s {{
    port = {pop3s}
    ssl = yes
  }}
}}
"""
COMPRESSING: Final = """
protocol imap {
  mail_plugins = $mail_plugins imap_zlib
}
"""


@dataclass(kw_only=True)
class Servers:
    """Starts each server when it is first asked for."""

    root: Path
    share: float
    """Of each corpus, for a quick look."""
    pki: Pki
    _running: dict[str, Server] = field(default_factory=dict)
    _processes: list[Dovecot] = field(default_factory=list)
    _drop: Drop | None = None

    def get(self, corpus: str, *, messages: int, compressing: bool = False) -> Server:
        """Return a server whose mailbox is full of a corpus: `mixed` or `small`."""
        count = max(20, round(messages * self.share))
        name = f"{corpus}-{count}"
        if name not in self._running:
            self._running[name] = self._start(name, corpus=corpus, count=count)
        if not compressing:
            return self._running[name]
        if f"{name}-compressing" not in self._running:
            self._running[f"{name}-compressing"] = self._start_compressing(name)
        return self._running[f"{name}-compressing"]

    def _start(self, name: str, *, corpus: str, count: int) -> Server:
        root = self.root / name
        imap, imaps, pop3, pop3s = free_ports(4)
        settings = POP3.format(pop3=pop3, pop3s=pop3s)
        dovecot = Dovecot.start(root, pki=self.pki, imap=imap, imaps=imaps, settings=settings)
        self._processes.append(dovecot)
        dovecot.set_password(USER, PASSWORD)
        maildir = dovecot.maildir(USER)
        octets = fill_maildir(maildir, count=count, small=corpus == "small", owner="mail")
        for words in (["index", "-u", USER, "INBOX"], ["fetch", "-u", USER, "size.virtual", "mailbox", "INBOX"]):
            subprocess.run(["doveadm", "-c", str(root / "dovecot.conf"), *words], check=True, stdout=subprocess.DEVNULL)
        print(f"{count:,} {corpus} messages, {octets / 1e6:,.0f} MB, on a Dovecot of their own", flush=True)
        password_file = root / "password"
        password_file.write_text(PASSWORD)
        return Server(
            ports={"imap": imap, "imaps": imaps, "pop3": pop3, "pop3s": pop3s},
            ca_file=self.pki.folder / "ca.pem",
            password_file=password_file,
            messages=count,
            octets=octets,
            process=dovecot.process.pid,
        )

    def _start_compressing(self, name: str) -> Server:
        """Serve the mailbox of another server a second time."""
        root = self.root / f"{name}-compressing"
        root.mkdir()
        for folder in ("mail", "users"):
            (root / folder).symlink_to(self.root / name / folder)
        imap, imaps = free_ports(2)
        dovecot = Dovecot.start(root, pki=self.pki, imap=imap, imaps=imaps, settings=COMPRESSING)
        self._processes.append(dovecot)
        return replace(self._running[name], ports={"imap": imap, "imaps": imaps}, process=dovecot.process.pid)

    def drop(self) -> Drop:
        """Return an empty mailbox on a server of its own, which is filled by LMTP."""
        if self._drop is None:
            imap, imaps, lmtp, lmtps = free_ports(4)
            root = self.root / "drop"
            dovecot = Dovecot.start(root, pki=self.pki, imap=imap, imaps=imaps, lmtp=lmtp, lmtps=lmtps)
            self._processes.append(dovecot)
            dovecot.set_password(USER, PASSWORD)
            maildir = dovecot.maildir(USER)
            self._drop = Drop(port=lmtp, recipient=USER, maildir=maildir, process=dovecot.process.pid)
        return self._drop

    def stop(self) -> None:
        """Stop all."""
        for dovecot in self._processes:
            dovecot.stop()


@contextmanager
def servers(root: Path, *, share: float) -> Iterator[Servers]:
    """Keep servers below `root` while the race goes on."""
    made = Servers(root=root, share=share, pki=Pki.make(root / "pki", "localhost"))
    made.pki.folder.chmod(0o755)
    try:
        yield made
    finally:
        made.stop()
        shutil.rmtree(root, ignore_errors=True)
        os.sync()
