"""The command lines of the peers, as their manuals recommend them for a fast and complete fetch."""

import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final, Protocol

from fetch_race.course import PASSWORD, USER, Course, Drop

ID: Final = re.compile(rb"^X-Bench-Id: ?(\d+)", re.MULTILINE)
LOOKED_AT: Final = 16_384
AS_NOBODY: Final = ("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups")

MBSYNC: Final = """\
FSync yes

IMAPAccount bench
Host {host}
Port {port}
User {user}
PassCmd "cat {password_file}"
AuthMechs LOGIN
SSLType {tls}
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

MPOP: Final = """\
account bench
host {host}
port {port}
user {user}
password {password}
auth user
keep on
only_new on
received_header off
uidls_file {out}/uidls
delivery maildir {out}/INBOX
{tls}
account default : bench
"""

GETMAIL: Final = """\
[retriever]
type = SimpleIMAP{ssl}Retriever
server = {host}
port = {port}
username = {user}
password = {password}
timeout = 5
{tls}
[destination]
type = Maildir
path = {out}/INBOX/
[options]
read_all = false
delete = false
delivered_to = false
received = false
verbose = 0
"""

# `fetchall`: it marks what it has fetched as seen, and would find nothing in the next round.
FETCHMAIL: Final = """\
set no bouncemail
poll {host} service {port} protocol IMAP timeout 300
 user "{user}" password "{password}" is "root" here keep fetchall batchlimit 0 fetchlimit 0 {tls}
 bsmtp "{out}/bsmtp"
"""

FETCHMAIL_LMTP: Final = """\
set no bouncemail
set no spambounce
poll {host} service {port} protocol IMAP timeout 300
 user "{user}" password "{password}" is "root" here keep fetchall batchlimit 0 fetchlimit 0 {tls}
 smtphost "127.0.0.1/{lmtp_port}" lmtp smtpname "{recipient}"
"""

OFFLINEIMAP: Final = """\
[general]
accounts = bench
metadata = {out}/meta
ui = quiet
maxsyncaccounts = 1
fsync = true
[Account bench]
localrepository = near
remoterepository = far
[Repository near]
type = Maildir
localfolders = {out}
[Repository far]
type = IMAP
remotehost = {host}
remoteport = {port}
remoteuser = {user}
remotepass = {password}
ssl = {ssl}
starttls = no
{tls}
readonly = true
folderfilter = lambda name: name == 'INBOX'
auth_mechanisms = LOGIN
"""


class Contestant(Protocol):
    """Fetches a mailbox into a folder of its own."""

    name: str
    package: str | None
    """The Debian package that brings it, None: it is ours."""
    codes: tuple[int, ...]
    """With what it may end."""
    tries: int
    """How often it may fail before the race is broken off."""

    def prepare(self, course: Course, out: Path) -> list[str]:
        """Make `out` ready and return the command line; it is run again for what is new."""

    def arrived(self, course: Course, out: Path) -> list[int]:
        """Return the X-Bench-Ids that came."""


def words(course: Course, out: Path) -> dict[str, object]:
    """Return what all configuration files are filled in with."""
    return {
        "host": course.host,
        "port": course.port,
        "user": USER,
        "password": PASSWORD,
        "password_file": course.server.password_file,
        "ca_file": course.server.ca_file,
        "out": out,
    }


def in_maildir(maildir: Path) -> Iterator[int]:
    """Yield the X-Bench-Ids of a Maildir's messages; -1 for one without."""
    for folder in ("new", "cur"):
        for entry in os.scandir(maildir / folder):
            with open(entry.path, "rb") as file:  # noqa: PTH123 - 50,000 times
                match = ID.search(file.read(LOOKED_AT))
            yield int(match[1]) if match else -1


def make_maildir(maildir: Path) -> None:
    for folder in ("new", "cur", "tmp"):
        (maildir / folder).mkdir(parents=True, exist_ok=True)


class IntoMaildir:
    """What those that write `INBOX/` have in common."""

    codes: tuple[int, ...] = (0,)
    tries = 1

    def arrived(self, course: Course, out: Path) -> list[int]:  # noqa: ARG002 - the folder says it all
        return list(in_maildir(out / "INBOX"))


class Mbsync(IntoMaildir):
    """isync's mbsync, the C tool of the field."""

    name = "mbsync"
    package = "isync"

    def prepare(self, course: Course, out: Path) -> list[str]:
        (out / "state").mkdir(exist_ok=True)
        (out / "rc").write_text(MBSYNC.format(tls="IMAPS" if course.secured else "None", **words(course, out)))
        return ["mbsync", "--quiet", "--config", str(out / "rc"), "bench"]


class Mpop(IntoMaildir):
    """mpop, which pipelines POP3."""

    name = "mpop"
    package = "mpop"

    def prepare(self, course: Course, out: Path) -> list[str]:
        make_maildir(out / "INBOX")
        secured = f"tls on\ntls_starttls off\ntls_trust_file {course.server.ca_file}"
        (out / "rc").write_text(MPOP.format(tls=secured if course.secured else "tls off", **words(course, out)))
        (out / "rc").chmod(0o600)
        return ["mpop", "--quiet", f"--file={out / 'rc'}"]


class Getmail(IntoMaildir):
    """getmail6; it refuses to deliver as root.

    For each message it forks, and misses the end of a child that is quicker than itself (it waits for a signal that came
    already): on a busy machine a run now and then ends so, after `timeout`.
    """

    name = "getmail"
    package = "getmail6"
    tries = 6

    def prepare(self, course: Course, out: Path) -> list[str]:
        make_maildir(out / "INBOX")
        secured = f"ca_certs = {course.server.ca_file}" if course.secured else ""
        text = GETMAIL.format(tls=secured, ssl="SSL" if course.secured else "", **words(course, out))
        (out / "rc").write_text(text)
        for path in (out, *out.rglob("*")):
            os.chown(path, 65534, 65534)
        return [*AS_NOBODY, "getmail", "--getmaildir", str(out), "--rcfile", str(out / "rc")]


class Fetchmail:
    """fetchmail into a file of batched SMTP: the fastest of its ways to deliver."""

    name = "fetchmail"
    package = "fetchmail"
    codes = (0,)
    tries = 1

    def prepare(self, course: Course, out: Path) -> list[str]:
        self.configure(course, out)
        (out / "rc").chmod(0o600)
        files = ("--fetchmailrc", str(out / "rc"), "--idfile", str(out / "ids"), "--pidfile", str(out / "pid"))
        return ["fetchmail", "--nodetach", "--silent", *files]

    def configure(self, course: Course, out: Path) -> None:
        """Write the file that it goes by."""
        (out / "rc").write_text(FETCHMAIL.format(tls=self.secured(course), **words(course, out)))

    def secured(self, course: Course) -> str:
        """Return what is said of TLS."""
        return f'ssl sslcertck sslcertfile "{course.server.ca_file}"' if course.secured else "sslproto ''"

    def arrived(self, course: Course, out: Path) -> list[int]:  # noqa: ARG002 - the file says it all
        with (out / "bsmtp").open("rb") as file:
            return [int(line[12:]) for line in file if line.startswith(b"X-Bench-Id: ")]


class FetchmailLmtp(Fetchmail):
    """fetchmail to an LMTP server, one transaction after the other, as it does."""

    name = "fetchmail-lmtp"

    def configure(self, course: Course, out: Path) -> None:
        drop = emptied(course)
        text = FETCHMAIL_LMTP.format(
            tls=self.secured(course), lmtp_port=drop.port, recipient=drop.recipient, **words(course, out)
        )
        (out / "rc").write_text(text)

    def arrived(self, course: Course, out: Path) -> list[int]:  # noqa: ARG002 - the other server has it
        assert course.lmtp
        return list(in_maildir(course.lmtp.maildir))


def emptied(course: Course) -> Drop:
    """Return the mailbox that is filled by LMTP, with nothing in it."""
    assert course.lmtp
    for folder in ("new", "cur"):
        for path in (course.lmtp.maildir / folder).iterdir():
            path.unlink()
    return course.lmtp


class OfflineImap(IntoMaildir):
    """offlineimap over one connection, which is its fastest."""

    name = "offlineimap"
    package = "offlineimap3"

    def prepare(self, course: Course, out: Path) -> list[str]:
        secured = f"sslcacertfile = {course.server.ca_file}" if course.secured else ""
        ssl = "yes" if course.secured else "no"
        (out / "rc").write_text(OFFLINEIMAP.format(tls=secured, ssl=ssl, **words(course, out)))
        return ["offlineimap", "-o", "-c", str(out / "rc")]
