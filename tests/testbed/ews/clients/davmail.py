"""DavMail: an IMAP and SMTP gateway to Exchange, in Java."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from support.kube import until
from testbed.mailserver import free_ports

JAR: Final = Path("/usr/share/davmail/davmail.jar")
SETTINGS: Final = """\
davmail.server=true
davmail.mode=EWS
davmail.url={url}
davmail.imapPort={imap}
davmail.smtpPort={smtp}
davmail.popPort=
davmail.caldavPort=
davmail.ldapPort=
davmail.bindAddress=127.0.0.1
davmail.allowRemote=false
davmail.disableUpdateCheck=true
davmail.logFilePath={log}
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class DavMail:
    """A running gateway."""

    imap: int
    smtp: int


@contextmanager
def running_davmail(folder: Path, *, url: str) -> Iterator[DavMail]:
    """Run one in front of an Exchange server."""
    imap, smtp = free_ports(2)
    settings, log = folder / "davmail.properties", folder / "davmail.log"
    settings.write_text(SETTINGS.format(url=url, imap=imap, smtp=smtp, log=log))
    process = subprocess.Popen(
        ["java", "-Xmx96m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-jar", JAR, "-server", settings],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        until(lambda: log.exists() and "listening on" in log.read_text(), seconds=15, what="DavMail listens")
        yield DavMail(imap=imap, smtp=smtp)
    finally:
        process.terminate()
        process.wait(timeout=60)
