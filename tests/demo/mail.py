"""The demo's mail server, beside the cluster on an address of its own, and the three mails sent to it."""

import json
import os
import signal
import smtplib
import ssl
import subprocess
from email.message import EmailMessage
from pathlib import Path
from typing import Final

from support.kube import until
from testbed.address import add_address, remove_address, taken

HOST: Final = "mail.helpdesk.svc"
"""As the Service without a selector makes it known in any cluster (objects.py)."""
ADDRESS: Final = "10.99.250.1"
SUPPORT: Final = "support@demo.test"
CUSTOMER: Final = "customer@demo.test"


def start(folder: Path, *, binary: Path, passwords: dict[str, str]) -> Path:
    """Start the server and return its CA's certificate. It goes on after this program has ended."""
    stop(folder)
    folder.mkdir(parents=True, exist_ok=True)
    add_address(ADDRESS)
    users = folder / "users.json"
    users.write_text(json.dumps(passwords))
    users.chmod(0o600)
    with (folder / "mail.log").open("wb") as log:
        server = subprocess.Popen(
            [binary, "--listen", ADDRESS, "--name", HOST, "--ca-dir", folder, "--users-file", users],
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    (folder / "mail.pid").write_text(str(server.pid))
    server.returncode = 0  # it goes on without us: nobody waits for it
    until(lambda: b"ready" in (folder / "mail.log").read_bytes(), seconds=10, what="the demo's mail server is ready")
    return folder / "ca.pem"


def stop(folder: Path) -> None:
    """Stop the server that `start` started, and take its address away."""
    pid_file = folder / "mail.pid"
    if pid_file.exists():
        pid = int(pid_file.read_text())
        command = Path(f"/proc/{pid}/cmdline")
        if command.exists() and str(folder).encode() in command.read_bytes():
            os.kill(pid, signal.SIGTERM)
        pid_file.unlink()
    if ADDRESS in taken():
        remove_address(ADDRESS)


def messages() -> list[EmailMessage]:
    """Return the three mails: plain, with an attachment, in Japanese."""
    plain, attached, japanese = EmailMessage(), EmailMessage(), EmailMessage()
    plain["Subject"] = "My order has not arrived"
    plain.set_content("Hello,\n\nit has been two weeks now. Where is it?\n\nA customer\n")
    attached["Subject"] = "Invoice 2026-1107"
    attached.set_content("Please find the invoice attached.\n")
    attached.add_attachment(
        b"%PDF-1.7\n% a very short invoice\n", maintype="application", subtype="pdf", filename="invoice.pdf"
    )
    japanese["Subject"] = "納期のお問い合わせ"
    japanese.set_content("お世話になっております。\n納期を教えていただけますでしょうか。\n")
    for number, message in enumerate((plain, attached, japanese), 1):
        message["From"], message["To"] = CUSTOMER, SUPPORT
        message["Message-ID"] = f"<demo-{number}-{os.urandom(4).hex()}@demo.test>"
    return [plain, attached, japanese]


def send(ca: Path, password: str) -> None:
    """Send the three mails as the customer."""
    with smtplib.SMTP(ADDRESS, 587, timeout=10) as session:
        context = ssl.create_default_context(cafile=str(ca))
        context.check_hostname = False  # the name is the cluster's, this program dials the address
        session.starttls(context=context)
        session.login(CUSTOMER, password)
        for message in messages():
            session.send_message(message)
