"""`mailbox-operator verify` against real servers, as a person types it."""

import json
import os
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

import pytest
import yaml
from jsonschema import Draft202012Validator

from integration.conftest import Account
from testbed.mailserver import MailServer

SCHEMA: Final = Draft202012Validator(
    json.loads((Path(__file__).resolve().parents[3] / "docs/verify-report.schema.json").read_text())
)
pytestmark = [pytest.mark.integration, pytest.mark.timeout(60)]


def mailbox(server: MailServer, account: Account, **spec: Any) -> dict[str, Any]:
    return {
        "apiVersion": "mailbox-operator.io/v1alpha1",
        "kind": "Mailbox",
        "metadata": {"name": "support", "namespace": "helpdesk"},
        "spec": {
            "address": account.address,
            "credentials": {"passwordSecretRef": {"name": "support-mail"}},
            "incoming": {"host": "localhost", "port": server.dovecot.imaps, "security": "TLS"},
            "outgoing": {"host": "localhost", "port": server.postfix.submission, "security": "StartTLS"},
            "tls": {"caConfigMapRef": {"name": "mail-ca"}},
            **spec,
        },
    }


def authority(server: MailServer) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "mail-ca"}, "data": {"ca.crt": server.ca_pem}}


def run(*args: str, objects: list[dict[str, Any]], folder: Path, stdin: str = "") -> subprocess.CompletedProcess[str]:
    file = folder / "manifests.yaml"
    file.write_text(yaml.safe_dump_all(objects))
    command = [sys.executable, "-m", "mailbox_operator", "verify", "-f", str(file), *args]
    return subprocess.run(command, input=stdin, capture_output=True, text=True, timeout=150, check=False)


def test_a_mailbox_is_proven_with_the_password_from_a_pipe(
    server: MailServer, account: Account, tmp_path: Path
) -> None:
    objects = [mailbox(server, account), authority(server)]
    done = run("--password-stdin", objects=objects, folder=tmp_path, stdin=account.password + "\n")
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.splitlines()[-1] == "Proven"
    assert sum(line.startswith("✓") for line in done.stdout.splitlines()) == 8
    assert account.password not in done.stdout + done.stderr
    assert server.dovecot.count(account.address) == 0


def test_what_kubectl_prints_is_enough(server: MailServer, account: Account, tmp_path: Path) -> None:
    found = mailbox(server, account)
    found["metadata"] |= {
        "uid": "1",
        "resourceVersion": "7",
        "creationTimestamp": "2026-01-02T03:04:05Z",
        "generation": 2,
    }
    found["status"] = {"observedGeneration": -1}
    secret = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": "support-mail"},
        "stringData": {"password": account.password},
    }
    everything = {"apiVersion": "v1", "kind": "List", "items": [found, secret, authority(server)]}
    done = run("-o", "json", "--no-test-message", objects=[everything], folder=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    report = json.loads(done.stdout)
    SCHEMA.validate(report)
    assert report["address"] == account.address
    assert [one["verdict"] for one in report["results"]] == ["True"] * 7 + ["Unknown"]
    assert report["results"][-1]["reason"] == "NotRequested"


def test_a_wrong_password_ends_in_the_remedy(server: MailServer, account: Account, tmp_path: Path) -> None:
    (tmp_path / "secrets/support-mail").mkdir(parents=True)
    (tmp_path / "secrets/support-mail/password").write_text("wrong-password")
    objects = [mailbox(server, account), authority(server)]
    done = run("--secrets-from", str(tmp_path / "secrets"), objects=objects, folder=tmp_path)
    assert done.returncode == 1
    assert "✗ IncomingAuthenticated" in done.stdout
    assert "CredentialsInvalid" in done.stdout
    assert "put the right password into the Secret" in done.stdout
    assert "wrong-password" not in done.stdout + done.stderr


@pytest.mark.parametrize(
    ("spec", "args", "says"),
    [
        ({"address": "no address"}, ("--password-stdin",), "spec.address"),
        (
            {"sharedMailbox": True, "credentials": {"username": "d", "passwordSecretRef": {"name": "support-mail"}}},
            ("--password-stdin",),
            "spec.sharedMailbox",
        ),
        ({"providerRef": {"name": "acme"}}, ("--password-stdin",), "MailProvider acme is not among the manifests"),
        ({}, (), "Secret support-mail, key password, is not here"),
        ({}, ("--name", "other"), "no Mailbox other"),
    ],
)
def test_what_cannot_be_tried_is_said_in_one_line(
    server: MailServer, account: Account, tmp_path: Path, spec: dict[str, Any], args: tuple[str, ...], says: str
) -> None:
    done = run(*args, objects=[mailbox(server, account, **spec), authority(server)], folder=tmp_path, stdin="x\n")
    assert done.returncode == 2
    assert says in done.stderr
    assert done.stderr.startswith("error: ")
    assert "Traceback" not in done.stderr
    assert done.stdout == ""


def type_in(command: list[str], *, answer: str) -> tuple[int, str]:
    """Run a command on a terminal of its own, answer its first question, and return its exit code and all it showed."""
    terminal, other_end = os.openpty()
    process = subprocess.Popen(
        ["setsid", "--ctty", "--wait", *command], stdin=other_end, stdout=other_end, stderr=other_end
    )
    os.close(other_end)
    shown = b""
    answered = False
    with suppress(OSError):  # how Linux says that the other end has closed
        while octets := os.read(terminal, 4096):
            shown += octets
            if not answered and shown.endswith(b": "):
                os.write(terminal, answer.encode() + b"\n")
                answered = True
    os.close(terminal)
    return process.wait(timeout=60), shown.decode()


def test_on_a_terminal_the_password_is_asked_for_and_not_shown(
    server: MailServer, account: Account, tmp_path: Path
) -> None:
    file = tmp_path / "manifests.yaml"
    file.write_text(yaml.safe_dump_all([mailbox(server, account), authority(server)]))
    code, shown = type_in(
        [sys.executable, "-m", "mailbox_operator", "verify", "-f", str(file), "--no-test-message"],
        answer=account.password,
    )
    assert code == 0, shown
    assert "Password (Secret support-mail, key password): " in shown
    assert "Proven" in shown
    assert account.password not in shown
