"""The command lines in the race, and how what they fetched is counted."""

import re
import shutil
import sys
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol

from mailbox_operator.fetcher.plan import Fetch, Identity, Plan, Source, Webhook
from mailbox_operator.mail.endpoint import Protocol as MailProtocol
from mailbox_operator.mail.endpoint import Security

ID: Final = re.compile(rb"^X-Bench-Id: ?(\d+)", re.MULTILINE)

MBSYNCRC: Final = """\
FSync yes

IMAPAccount bench
Host localhost
Port {port}
User {user}
PassCmd "cat {password_file}"
AuthMechs LOGIN
SSLType {ssl_type}
CertificateFile {ca_file}

IMAPStore far
Account bench

MaildirStore near
Path {out}/
Inbox {out}/INBOX

Channel bench
Far :far:
Near :near:
Patterns INBOX
Create Near
Sync Pull New
SyncState {out}/state/
"""


@dataclass(frozen=True, kw_only=True)
class Mailbox:
    """What is fetched."""

    user: str
    password_file: Path
    ca_file: Path
    imap: int
    imaps: int

    def port(self, *, secured: bool) -> int:
        return self.imaps if secured else self.imap


class Contestant(Protocol):
    """Fetches a mailbox once, from nothing."""

    name: str

    def prepare(self, out: Path) -> list[str]:
        """Make `out` ready and return the command line."""

    def arrived(self, out: Path) -> list[int]:
        """Return the X-Bench-Ids that came."""


class Mbsync:
    """isync's mbsync into a Maildir, the C tool of the field."""

    def __init__(self, mailbox: Mailbox, *, secured: bool) -> None:
        self.name = f"mbsync, {'IMAPS' if secured else 'IMAP'} to Maildir"
        self._mailbox = mailbox
        self._secured = secured

    def prepare(self, out: Path) -> list[str]:
        (out / "state").mkdir()
        (out / "rc").write_text(
            MBSYNCRC.format(
                out=out,
                port=self._mailbox.port(secured=self._secured),
                user=self._mailbox.user,
                password_file=self._mailbox.password_file,
                ca_file=self._mailbox.ca_file,
                ssl_type="IMAPS" if self._secured else "None",
            )
        )
        return ["mbsync", "--quiet", "--config", str(out / "rc"), "bench"]

    def arrived(self, out: Path) -> list[int]:
        found = []
        for folder in ("new", "cur"):
            for path in (out / "INBOX" / folder).iterdir():
                with path.open("rb") as file:
                    match = ID.search(file.read(16_384))
                found.append(int(match[1]) if match else -1)
        return found


class OurFetcher:
    """`mailbox-operator fetch --once` to a webhook."""

    def __init__(self, mailbox: Mailbox, *, secured: bool, webhook_port: int) -> None:
        self.name = f"mailbox-operator, {'IMAPS' if secured else 'IMAP'} to webhook"
        self._mailbox = mailbox
        self._secured = secured
        self._webhook = f"http://127.0.0.1:{webhook_port}"

    def prepare(self, out: Path) -> list[str]:
        plan = Plan(
            mailbox=Identity(uid="bench", namespace="bench", name="bench", address=self._mailbox.user),
            source=Source(
                protocol=MailProtocol.IMAP,
                host="localhost",
                port=self._mailbox.port(secured=self._secured),
                security=Security.TLS if self._secured else Security.NONE,
                username=self._mailbox.user,
                password_file=str(self._mailbox.password_file),
                ca_file=str(self._mailbox.ca_file),
            ),
            fetch=Fetch(since_seconds=None, mark_seen=False),  # mbsync marks nothing either
            delivery=Webhook(url=f"{self._webhook}/hook"),
        )
        (out / "plan.json").write_text(plan.to_json())
        checkpoint = f"file:{out / 'state.json'}"
        return [
            self.program(),
            "fetch",
            "--once",
            "--allow-loopback",
            "--plan",
            str(out / "plan.json"),
            "--checkpoint",
            checkpoint,
        ]

    @staticmethod
    def program() -> str:
        """Return the command installed beside this interpreter."""
        found = shutil.which("mailbox-operator", path=str(Path(sys.executable).parent))
        assert found, "the project is installed beside the interpreter"
        return found

    def arrived(self, out: Path) -> list[int]:  # noqa: ARG002 - the sink has it
        with urllib.request.urlopen(f"{self._webhook}/ids", timeout=10) as answer:
            return [int(word) for word in answer.read().split()]
