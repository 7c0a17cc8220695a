"""Our own command line in the race, to a webhook or into a Maildir."""

import shutil
import sys
import urllib.request
from dataclasses import replace
from pathlib import Path

from fetch_race.course import USER, Course
from fetch_race.peers import (
    Contestant,
    Fetchmail,
    FetchmailLmtp,
    Getmail,
    IntoMaildir,
    Mbsync,
    Mpop,
    OfflineImap,
    emptied,
    in_maildir,
)
from mailbox_operator.fetcher.plan import Fetch, Identity, Lmtp, Maildir, Plan, Source, Webhook
from mailbox_operator.mail.endpoint import Protocol as MailProtocol
from mailbox_operator.mail.endpoint import Security


class ToWebhook:
    """`mailbox-operator fetch --once` to a webhook."""

    name = "webhook"
    package = None
    codes = (0,)
    tries = 1

    def prepare(self, course: Course, out: Path) -> list[str]:
        return command(webhook_plan(course), out)

    def arrived(self, course: Course, out: Path) -> list[int]:  # noqa: ARG002 - the sink has it
        with urllib.request.urlopen(f"http://127.0.0.1:{course.webhook_port}/ids", timeout=10) as answer:
            return [int(word) for word in answer.read().split()]


class ToLmtp:
    """`mailbox-operator fetch --once` to an LMTP server."""

    name = "lmtp"
    package = None
    codes = (0,)
    tries = 1

    def prepare(self, course: Course, out: Path) -> list[str]:
        drop = emptied(course)
        lmtp = Lmtp(host="127.0.0.1", port=drop.port, recipient=drop.recipient, security=Security.NONE)
        return command(replace(webhook_plan(course), delivery=lmtp), out)

    def arrived(self, course: Course, out: Path) -> list[int]:  # noqa: ARG002 - the other server has it
        assert course.lmtp
        return list(in_maildir(course.lmtp.maildir))


class ToMaildir(IntoMaildir):
    """`mailbox-operator fetch --once` into a Maildir."""

    name = "maildir"
    package = None

    def prepare(self, course: Course, out: Path) -> list[str]:
        return command(replace(webhook_plan(course), delivery=Maildir(path=str(out / "INBOX"))), out)


def webhook_plan(course: Course) -> Plan:
    """Return a plan that delivers everything to the webhook."""
    return Plan(
        mailbox=Identity(uid="bench", namespace="bench", name="bench", address=USER),
        source=source(course),
        fetch=Fetch(since_seconds=None, mark_seen=False),  # the peers mark nothing either
        delivery=Webhook(url=f"http://127.0.0.1:{course.webhook_port}/hook"),
    )


def source(course: Course) -> Source:
    """Return the incoming side of a plan."""
    return Source(
        protocol=MailProtocol(course.protocol.removesuffix("s").upper()),
        host=course.host,
        port=course.port,
        security=Security.TLS if course.secured else Security.NONE,
        username=USER,
        password_file=str(course.server.password_file),
        ca_file=str(course.server.ca_file),
    )


def command(plan: Plan, out: Path, *more: str, once: bool = True) -> list[str]:
    """Write the plan and return the command line for it."""
    (out / "plan.json").write_text(plan.to_json())
    files = ("--plan", str(out / "plan.json"), "--checkpoint", f"file:{out / 'state.json'}")
    return [program(), "fetch", *(("--once", "--progress", "none") if once else ()), "--allow-loopback", *files, *more]


def program() -> str:
    """Return the command installed beside this interpreter."""
    found = shutil.which("mailbox-operator", path=str(Path(sys.executable).parent))
    assert found, "the project is installed beside the interpreter"
    return found


CONTESTANTS: dict[str, Contestant] = {
    one.name: one
    for one in (
        ToWebhook(),
        ToMaildir(),
        ToLmtp(),
        Mbsync(),
        Mpop(),
        Getmail(),
        Fetchmail(),
        FetchmailLmtp(),
        OfflineImap(),
    )
}
OURS = {"webhook": "a webhook", "maildir": "a Maildir", "lmtp": "an LMTP server"}
"""Which of them are ours, and where they deliver."""
