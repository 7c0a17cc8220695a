"""Into a Maildir on a real file system: what Dovecot reads there, a volume that is full, a process that is killed."""

import imaplib
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from integration.conftest import Account
from integration.fetcher.conftest import Fetcher
from mailbox_operator.fetcher.plan import Maildir
from support.kube import until
from testbed.mailserver import MailServer

pytestmark = pytest.mark.integration


def numbered(count: int, *, size: int = 1) -> list[bytes]:
    return [b"Message-ID: <%d@x>\r\n\r\n%b\r\n" % (n, b"x" * size) for n in range(1, count + 1)]


def contents(maildir: Path) -> list[bytes]:
    return sorted(file.read_bytes() for name in ("new", "cur") for file in (maildir / name).glob("*"))


def count(maildir: Path) -> int:
    return sum(1 for name in ("new", "cur") for _ in (maildir / name).glob("*"))


def expected(messages: list[bytes]) -> list[bytes]:
    return sorted(message.replace(b"\r\n", b"\n") for message in messages)


@pytest.fixture
def small_volume(tmp_path: Path) -> Iterator[Path]:
    """A file system of 1 MiB."""
    path = tmp_path / "volume"
    path.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", path], check=True)
    yield path
    subprocess.run(["umount", "-l", path], check=True)


def test_dovecot_reads_what_was_delivered_as_it_was(server: MailServer, account: Account, fetcher: Fetcher) -> None:
    messages = [*numbered(300), b"Message-ID: <big@x>\r\n\r\n" + b"line\r\n" * 700_000]
    server.dovecot.seed(account.address, messages)
    reader = f"reader.{account.address}"
    server.dovecot.set_password(reader, account.password)
    maildir = server.dovecot.maildir(reader)
    fetcher.write_plan(replace(fetcher.plan, delivery=Maildir(path=str(maildir))))
    assert fetcher.once() == 0
    assert contents(maildir) == expected(messages)
    assert not list((maildir / "tmp").iterdir())
    subprocess.run(["chown", "-R", "mail:mail", maildir], check=True)  # as the pod's fsGroup would
    with imaplib.IMAP4(server.address, server.dovecot.imap) as session:
        session.login(reader, account.password)
        assert session.select() == ("OK", [b"301"])
        _, sizes = session.fetch("1:*", "(RFC822.SIZE)")
        assert sorted(int(str(line).split(" ")[-1].rstrip(")'")) for line in sizes) == sorted(map(len, messages))


def test_a_full_volume_stops_delivery_loses_nothing_and_says_so(
    server: MailServer, account: Account, fetcher: Fetcher, small_volume: Path
) -> None:
    messages = numbered(60, size=30_000)
    server.dovecot.seed(account.address, messages)
    fetcher.write_plan(replace(fetcher.plan, delivery=Maildir(path=str(small_volume / "Maildir"))))
    fetcher.start()
    progress = fetcher.wait_state("SinkFailing")
    assert progress.reason == "SinkFull"
    assert "No space left on device" in progress.message
    until(lambda: fetcher.progress().messages_delivered > 10, seconds=5, what="what fitted is delivered")
    delivered = fetcher.progress().messages_delivered
    assert delivered < 60
    assert delivered <= count(small_volume / "Maildir"), "nothing is acknowledged that is not there"
    subprocess.run(["mount", "-o", "remount,size=8m", small_volume], check=True)
    assert fetcher.wait_state("Idle", seconds=20).messages_delivered == 60
    assert contents(small_volume / "Maildir") == expected(messages)


@pytest.mark.timeout(60)
def test_killed_again_and_again_each_message_is_there_once(
    server: MailServer, account: Account, fetcher: Fetcher, tmp_path: Path
) -> None:
    messages = numbered(1500, size=2000)
    server.dovecot.seed(account.address, messages)
    maildir = tmp_path / "Maildir"
    fetcher.write_plan(replace(fetcher.plan, delivery=Maildir(path=str(maildir))))
    for _ in range(3):
        fetcher.start()
        before = count(maildir)
        until(
            lambda: count(maildir) > before + 200 or count(maildir) == len(messages),  # noqa: B023 - asked at once
            seconds=15,
            what="some are delivered, or all were before",
            pause=0.005,
        )
        fetcher.kill()
        for file in list((maildir / "new").iterdir())[:50]:  # as a reader does
            file.rename(maildir / "cur" / f"{file.name}:2,S")
    assert fetcher.once() == 0
    assert contents(maildir) == expected(messages), "also what was repeated, wherever a reader had put it"
    assert not list((maildir / "tmp").iterdir())
