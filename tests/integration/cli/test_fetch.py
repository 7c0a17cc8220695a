"""`mailbox-operator fetch -f`: a Mailbox fetched from a terminal, from a real Dovecot."""

import json
import os
import pty
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest

from integration.conftest import Account
from integration.fetcher.conftest import receiving
from mailbox_operator.cli.pod_files import MEMORY
from support.kube import until
from testbed.mailserver import MailServer, free_ports

pytestmark = [pytest.mark.integration, pytest.mark.timeout(60)]

MANIFEST = """\
apiVersion: mailbox-operator.io/v1alpha1
kind: Mailbox
metadata: {{name: support, namespace: helpdesk}}
spec:
  address: {address}
  incoming: {{protocol: IMAP, host: localhost, port: {port}, security: TLS}}
  outgoing: {{protocol: None}}
  tls: {{caSecretRef: {{name: mail-ca}}}}
  credentials: {{passwordSecretRef: {{name: support-mail}}}}
  delivery: {{webhook: {{url: "https://desk.example.com/mail"}}}}
  fetch: {{since: 30d}}
"""


@pytest.fixture
def manifest(server: MailServer, account: Account, tmp_path: Path) -> Path:
    path = tmp_path / "mailbox.yaml"
    path.write_text(MANIFEST.format(address=account.address, port=server.dovecot.imaps))
    return path


@pytest.fixture
def secrets(server: MailServer, account: Account, tmp_path: Path) -> Path:
    for name, key, value in (("support-mail", "password", account.password), ("mail-ca", "ca.crt", server.ca_pem)):
        (tmp_path / "secrets" / name).mkdir(parents=True)
        (tmp_path / "secrets" / name / key).write_text(value)
    return tmp_path / "secrets"


def fetch(folder: Path, *words: str, typed: str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command(*words), cwd=folder, input=typed, capture_output=True, text=True, timeout=120, check=False
    )


def command(*words: str) -> list[str]:
    return [sys.executable, "-m", "mailbox_operator", "fetch", "--checkpoint", "file:state.json", *words]


def seed(server: MailServer, account: Account, count: int) -> None:
    messages = [f"Message-ID: <{n}@cli>\r\n\r\n{n}\r\n".encode() for n in range(count)]
    server.dovecot.seed(account.address, messages)
    for path in (server.dovecot.maildir(account.address) / "new").iterdir():
        os.utime(path)  # arrived now, hence within `since`


def laid_out(password: str) -> list[Path]:
    """Return the files in memory that hold a password; there may be others' folders."""
    found = []
    for top in MEMORY.glob("mailbox-operator-*"):
        for folder, _, names in os.walk(top):  # another's may be gone meanwhile
            for path in (Path(folder, name) for name in names):
                with suppress(OSError):
                    if path.is_file() and password in path.read_text(errors="replace"):
                        found.append(path)
    return found


def test_into_a_maildir_with_lines_for_a_program(
    server: MailServer, account: Account, manifest: Path, secrets: Path, tmp_path: Path
) -> None:
    seed(server, account, 7)
    words = ("-f", str(manifest), "--secrets-from", str(secrets), "--to", "maildir:mail", "--once")
    done = fetch(tmp_path, *words)
    assert done.returncode == 0, done.stderr
    summary = json.loads(done.stdout.splitlines()[-1])
    assert (summary["summary"], summary["delivered"], summary["pending"]) == (True, 7, 0)
    assert len(list((tmp_path / "mail/new").iterdir())) == 7
    again = json.loads(fetch(tmp_path, *words).stdout.splitlines()[-1])
    assert (again["delivered"], again["pending"]) == (0, 0), "it goes on where it ended"
    assert account.password not in done.stdout + done.stderr
    assert not laid_out(account.password), "the secrets laid out for it are gone"


def test_into_another_mailbox_by_lmtp_and_to_a_url(
    server: MailServer, account: Account, manifest: Path, secrets: Path, tmp_path: Path
) -> None:
    seed(server, account, 5)
    other = f"other-{account.address}"
    server.dovecot.set_password(other, account.password)
    words = ("-f", str(manifest), "--secrets-from", str(secrets), "--once")
    done = fetch(tmp_path, *words, "--to", f"lmtp:localhost:{server.dovecot.lmtp}/{other}")
    assert done.returncode == 0, done.stderr
    assert server.dovecot.count(other) == 5

    with receiving() as receiver:
        done = fetch(tmp_path, *words, "--to", receiver.url, "--checkpoint", "file:for-the-url.json")
        assert done.returncode == 0, done.stderr
        assert {event.fields["ce-messageid"] for event in receiver.accepted} == {f"<{n}@cli>" for n in range(5)}


@pytest.mark.parametrize("number", [signal.SIGHUP, signal.SIGTERM, signal.SIGINT])
def test_nothing_of_a_secret_stays_when_it_is_stopped_or_its_terminal_is_closed(
    number: signal.Signals, server: MailServer, account: Account, manifest: Path, tmp_path: Path
) -> None:
    ca = ("--ca-file", str(server.pki.folder / "ca.pem"))
    words = command("-f", str(manifest), *ca, "--password-stdin", "--to", "maildir:mail")
    pipe = subprocess.PIPE
    with subprocess.Popen(words, cwd=tmp_path, stdin=pipe, stdout=pipe, stderr=pipe, text=True) as process:
        assert process.stdin
        process.stdin.write(f"{account.password}\n")
        process.stdin.flush()
        try:
            until(lambda: server.dovecot.logins(account.address), seconds=20, what="signed in")
            assert laid_out(account.password)
            process.send_signal(number)
            process.communicate(timeout=60)
        finally:
            process.kill()
    assert not laid_out(account.password)


def test_a_bar_on_a_terminal_and_a_sentence_at_the_end(
    server: MailServer, account: Account, manifest: Path, secrets: Path, tmp_path: Path
) -> None:
    seed(server, account, 3)
    command = [sys.executable, "-m", "mailbox_operator", "fetch", "--checkpoint", "file:state.json", "--once"]
    near, far = pty.openpty()
    with subprocess.Popen(
        [*command, "-f", str(manifest), "--secrets-from", str(secrets), "--to", "maildir:mail"],
        cwd=tmp_path,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=far,
        env=os.environ | {"TERM": "xterm-256color", "COLUMNS": "120"},
    ) as process:
        os.close(far)
        shown = b""

        def ended() -> bool:
            nonlocal shown
            try:
                shown += os.read(near, 65_536)
            except OSError:  # the far side is closed
                return True
            return False

        until(ended, seconds=15, what=lambda: shown.decode(errors="replace"), pause=0)
        os.close(near)
        assert process.stdout
        assert process.stdout.read() == b""
        assert process.wait(timeout=60) == 0, shown
    assert b"3 messages" in shown
    assert b"\x1b[" in shown


def test_the_password_may_be_piped_in_and_a_wrong_one_is_told(
    server: MailServer, account: Account, manifest: Path, tmp_path: Path
) -> None:
    seed(server, account, 1)
    ca = ("--ca-file", str(server.pki.folder / "ca.pem"))
    words = ("-f", str(manifest), *ca, "--password-stdin", "--to", "maildir:mail", "--once")
    done = fetch(tmp_path, *words, typed="wrong\n")
    assert done.returncode == 1
    summary = json.loads(done.stdout.splitlines()[-1])
    assert (summary["state"], summary["reason"]) == ("LoginRefused", "CredentialsInvalid")
    assert fetch(tmp_path, *words, typed=f"{account.password}\n").returncode == 0
    assert len(list((tmp_path / "mail/new").iterdir())) == 1


def test_a_server_that_is_not_there_is_named_in_the_summary(server: MailServer, manifest: Path, tmp_path: Path) -> None:
    [nobody] = free_ports(1)
    manifest.write_text(manifest.read_text().replace(str(server.dovecot.imaps), str(nobody)))
    ca = ("--ca-file", str(server.pki.folder / "ca.pem"))
    words = ("-f", str(manifest), *ca, "--password-stdin", "--to", "maildir:mail", "--once")
    done = fetch(tmp_path, *words, typed="whatever\n")
    assert done.returncode == 1
    summary = json.loads(done.stdout.splitlines()[-1])
    assert (summary["state"], summary["reason"]) == ("SourceFailing", "ConnectionRefused")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ((), "exactly one of -f and --plan"),
        (("-f", "mailbox.yaml", "--to", "ftp:there"), "write maildir:PATH"),
        (("-f", "mailbox.yaml", "--to", "maildir:x"), "Secret support-mail, key password, is not here"),
        (("-f", "mailbox.yaml", "--name", "other"), "no Mailbox other"),
    ],
)
def test_what_cannot_be_tried_is_told(words: tuple[str, ...], said: str, manifest: Path, tmp_path: Path) -> None:
    assert manifest.exists()
    done = fetch(tmp_path, *words)
    assert done.returncode == 2
    assert said in done.stderr
