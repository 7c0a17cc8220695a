"""A private Postfix 3.7: MX, submission and submissions; accounts and delivery are a Dovecot's."""

import shutil
import smtplib
import subprocess
from dataclasses import dataclass
from pathlib import Path
from string import Template
from typing import Final

from testbed.dovecot import Dovecot
from testbed.pki import Pki

HERE: Final = Path(__file__).parent
SHARED: Final = (Path("/usr/share/postfix"), Path("/etc/postfix"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Postfix:
    """A running server."""

    root: Path
    address: str
    smtp: int
    submission: int
    submissions: int

    @classmethod
    def start(
        cls,
        root: Path,
        *,
        dovecot: Dovecot,
        pki: Pki,
        domain: str,
        smtp: int = 25,
        submission: int = 587,
        submissions: int = 465,
        certificate: str = "server",
        services: str = "",
    ) -> "Postfix":
        """Start one below `root` that takes mail for `domain`. `services` are further lines of its master.cf."""
        for name in ("etc", "queue", "data", "log"):
            (root / name).mkdir(parents=True, exist_ok=True)
        shutil.chown(root / "data", "postfix")
        values = {
            "root": root,
            "address": dovecot.address,
            "domain": domain,
            "dovecot": dovecot.root,
            "cert": pki.certificate(certificate),
            "key": pki.key(certificate),
            "smtp": smtp,
            "submission": submission,
            "submissions": submissions,
            "services": services,
        }
        for name in ("main.cf", "master.cf"):
            text = Template((HERE / f"{name}.in").read_text()).substitute(values)
            (root / "etc" / name).write_text(text)
        (root / "etc/sender_login").write_text(
            "/^([^+]*)\\+[^@]*@(.*)$/ ${1}@${2}\n/^(.*)$/ ${1}\n"
        )  # a user sends as himself only
        for name in ("dynamicmaps.cf", "postfix-files"):
            if found := next((folder / name for folder in SHARED if (folder / name).exists()), None):
                shutil.copy(found, root / "etc" / name)
        started = cls(root=root, address=dovecot.address, smtp=smtp, submission=submission, submissions=submissions)
        started.control("start")
        return started

    def control(self, verb: str) -> None:
        """`postfix start` or `postfix stop`."""
        subprocess.run(["postfix", "-c", self.root / "etc", verb], check=True, capture_output=True, timeout=120)

    def stop(self) -> None:
        """Stop it."""
        self.control("stop")

    def deliver(self, address: str, message: bytes) -> None:
        """Hand a message in for an account, as another mail server would."""
        with smtplib.SMTP(self.address, self.smtp, local_hostname="sender.test", timeout=10) as session:
            session.sendmail("sender@elsewhere.test", [address], message)
