"""The fetcher as a process of its own, between the simulated Exchange and a webhook; and `verify` at a terminal."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from integration.ews.conftest import Post
from integration.ews.source_plan import source_plan
from integration.fetcher.conftest import Fetcher, Receiver
from mailbox_operator.fetcher.plan import Fetch, Identity, Plan, Webhook
from support.kube import until
from support.patience import PATIENCE
from testbed.ews.misbehaving import answering, at
from testbed.mailserver import free_ports

pytestmark = pytest.mark.integration


@pytest.fixture
def fetcher(post: Post, receiver: Receiver, tmp_path: Path) -> Iterator[Fetcher]:
    made = Fetcher(
        folder=tmp_path,
        port=free_ports(1)[0],
        plan=Plan(
            mailbox=Identity(uid="5d1c", namespace="mail", name="support", address=post.account.address),
            source=source_plan(post.exchange, post.account, post.pki, tmp_path / "secret/password"),
            fetch=Fetch(since_seconds=None, interval_seconds=3600),
            delivery=Webhook(url=receiver.url, timeout_seconds=10 * PATIENCE),
        ),
    )
    made.write_password(post.account.password)
    made.write_plan(made.plan)
    yield made
    if made.process and made.process.poll() is None:
        made.kill()


def subjects(receiver: Receiver) -> list[str]:
    lines = [line for event in receiver.accepted for line in event.body.split(b"\r\n")]
    return sorted(line[9:].decode() for line in lines if line.startswith(b"Subject: "))


def rss_mib(fetcher: Fetcher) -> float:
    assert fetcher.process
    status = Path(f"/proc/{fetcher.process.pid}/status").read_text()
    return next(int(line.split()[1]) / 1024 for line in status.splitlines() if line.startswith("VmRSS"))


@pytest.mark.timeout(60)
def test_mail_flows_is_marked_and_survives_kills_and_a_new_password(
    post: Post, receiver: Receiver, fetcher: Fetcher
) -> None:
    fetcher.start()
    events = receiver.wait_accepted(5, seconds=15)
    assert {event.fields["ce-subject"] for event in events} == {"INBOX"}
    assert all(event.id.startswith("5d1c/INBOX/AAMk") for event in events)
    inbox = post.account.path("Inbox").items
    until(lambda: all(item.is_read for item in inbox.values()), seconds=10, what="all are marked")
    fetcher.wait_state("Idle")
    fetcher.kill()
    for number in range(5, 45):
        post.account.deliver(b"Subject: number %d\r\n\r\n%b\r\n" % (number, b"x" * 2_000))
    receiver.delay = 0.05
    fetcher.start()
    receiver.wait_accepted(10, seconds=20)
    fetcher.kill()  # in the middle of it
    fetcher.start()
    until(lambda: len(set(subjects(receiver))) == 45, seconds=20, what=lambda: f"all come\n{fetcher.log()}")
    bodies = {event.id: event.body for event in receiver.accepted}
    assert len(bodies) == 45, "a repeat has the id of the first"
    post.account.password = "another one"
    fetcher.write_password("another one")
    until(lambda: "credential has changed" in fetcher.log(), seconds=10, what="it has seen the password")
    post.account.deliver(b"Subject: number 45\r\n\r\n")
    until(lambda: "number 45" in subjects(receiver), seconds=15, what=lambda: f"mail by it\n{fetcher.log()}")
    assert rss_mib(fetcher) < 120
    assert "another one" not in fetcher.log()
    assert fetcher.stop() == 0


@pytest.mark.timeout(60)
def test_verify_from_a_terminal_proves_an_exchange_mailbox(post: Post, tmp_path: Path) -> None:
    manifest: dict[str, Any] = {
        "apiVersion": "mailbox-operator.io/v1alpha1",
        "kind": "Mailbox",
        "metadata": {"name": "reception"},
        "spec": {
            "address": post.account.address,
            "incoming": {"protocol": "EWS", "url": post.exchange.url()},
            "outgoing": {"protocol": "EWS"},
            "credentials": {
                "username": f"PEERS\\{post.account.sam}",
                "mechanism": "NTLM",
                "passwordSecretRef": {"name": "reception-mail"},
            },
        },
    }
    (tmp_path / "mailbox.yaml").write_text(yaml.safe_dump(manifest))
    command = [sys.executable, "-m", "mailbox_operator", "verify", "-f", str(tmp_path / "mailbox.yaml"), "-o", "json"]
    command += ["--password-stdin", "--ca-file", str(post.pki.folder / "ca.pem")]

    def verify(password: str) -> tuple[int, dict[str, dict[str, Any]]]:
        done = subprocess.run(command, input=password, capture_output=True, text=True, check=False, timeout=120)
        assert done.stdout, done.stderr
        return done.returncode, {one["step"]: one for one in json.loads(done.stdout)["results"]}

    code, found = verify(post.account.password)
    assert (code, {one["verdict"] for one in found.values()}) == (0, {"True"})
    post.exchange.state.misbehaviours.append(at("CreateItem", answering(503)))
    code, found = verify(post.account.password)
    assert (code, found["TestMessageDelivered"]["reason"]) == (1, "ServerUnavailable")
