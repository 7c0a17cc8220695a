"""Exchange on premises, from `kubectl apply` to its mail at the application: the example, autodiscover, a shared mailbox, a wrong password."""

import re
import secrets
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pytest
import yaml

from devcluster import cluster as devcluster
from e2e.conftest import TOP, Cluster, fetcher_pod
from support import manifests
from support.image import IMAGE
from support.kube import Kube, until
from support.receiving import SERVICE, Receiver, start_receiver
from testbed.address import addresses_of_their_own
from testbed.ews.misbehaving import redirecting
from testbed.ews.server import Exchange, running_exchange
from testbed.ews.world import Account
from testbed.pki import Pki

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(180)]

HOST: Final = "exchange.corp.example"
DISCOVERY: Final = "autodiscover.corp.example"
RECORDED: Final = "exchange.recorded.example"
SRV: Final = {"recorded.example": f"{RECORDED}:443", "forged.example": f"{HOST}:443"}
"""By domain, where its DNS record says that autodiscover is: the second leads out of its domain."""
LURING: Final = "autodiscover.luring.example"
"""Where a web server redirects to a cloud's metadata service."""
PASSWORD: Final = secrets.token_urlsafe(12)
LARGEST_KIB: Final = 120 * 1024


@dataclass(frozen=True, slots=True)
class Corp:
    """A namespace beside an Exchange server."""

    kube: Kube
    exchange: Exchange
    receiver: Receiver

    def account(self, name: str) -> Account:
        """Make a mailbox."""
        return self.exchange.add_account(f"{name}@corp.example", PASSWORD)


@pytest.fixture(scope="module")
def corp(cluster: Cluster) -> Iterator[Corp]:
    folder = Path(tempfile.mkdtemp(prefix="exchange-"))
    try:
        pki = Pki.make(folder / "pki", HOST, DISCOVERY, RECORDED)
        with (
            addresses_of_their_own(2) as (address, web),
            running_exchange(pki=pki, address=address, port=443) as exchange,
            running_exchange(pki=None, address=web, port=80) as luring,
            cluster.kube.temporary_namespace(f"t-{secrets.token_hex(4)}") as kube,
        ):
            exchange.state.domain = "CORP"
            exchange.state.autodiscover_url = f"https://{HOST}/EWS/Exchange.asmx"
            luring.state.misbehaviours.append(redirecting("https://169.254.169.254/latest"))
            names = {HOST: address, DISCOVERY: address, RECORDED: address, LURING: web}
            names |= {f"_autodiscover._tcp.{domain}": where for domain, where in SRV.items()}
            devcluster.record("e2e", "dns", *(f"{name}={where}" for name, where in names.items()))
            kube.apply({**manifests.ca(pki.ca_pem), "metadata": {"name": "corp-ca"}})
            yield Corp(kube, exchange, start_receiver(kube, image=IMAGE))
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def example() -> list[dict[str, Any]]:
    """Return the example as it stands, with a password and the test's receiver put in."""
    text = (TOP / "examples/exchange-on-premises/mailbox.yaml").read_text()
    mailbox, secret = yaml.safe_load_all(text)
    mailbox["spec"]["delivery"]["webhook"]["serviceRef"] = SERVICE
    secret["stringData"]["password"] = PASSWORD
    return [mailbox, secret]


def mailbox(name: str, **spec: Any) -> dict[str, Any]:
    """Return a Mailbox whose server autodiscover finds."""
    base: dict[str, Any] = {
        "address": f"{name}@corp.example",
        "incoming": {"protocol": "EWS"},
        "outgoing": {"protocol": "EWS"},
        "tls": {"caConfigMapRef": {"name": "corp-ca"}},
        "credentials": {"passwordSecretRef": {"name": "reception-mail"}},
    }
    return {
        "apiVersion": "mailbox-operator.io/v1alpha1",
        "kind": "Mailbox",
        "metadata": {"name": name},
        "spec": base | spec,
    }


def test_exchange_mailboxes_turn_ready_and_their_mail_arrives(corp: Corp) -> None:
    kube = corp.kube
    reception, shared = corp.account("reception"), corp.account("shared")
    corp.account("discovered")
    shared.delegates.add(reception.address)
    delegate = {"username": reception.address, "passwordSecretRef": {"name": "reception-mail"}}
    wrong = {"name": "wrong", "key": "password"}
    kube.apply(
        *example(),
        mailbox("discovered"),
        mailbox("shared", sharedMailbox=True, credentials=delegate, outgoing={"protocol": "None"}),
        {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "wrong"}, "stringData": {"password": "wrong"}},
        mailbox("refused", address="discovered@corp.example", credentials={"passwordSecretRef": wrong}),
    )
    for name in ("reception", "discovered", "shared"):
        kube.wait_condition(name, "Ready")
    conditions = kube.conditions("reception")
    assert {one["status"] for one in conditions.values()} == {"True"}
    assert "Microsoft Exchange Server 2016 (15.1.2507.61)" in conditions["FoldersAccessible"]["message"]
    assert "came back and was removed" in conditions["TestMessageDelivered"]["message"]
    assert "by autodiscover of corp.example" in kube.conditions("discovered")["EndpointsResolved"]["message"]
    assert f"EWS {HOST}:443" in kube.run("get", "mailbox", "reception")

    kube.wait_condition("refused", "Ready", status="False")
    refused = kube.conditions("refused")["IncomingAuthenticated"]
    assert refused["reason"] == "CredentialsInvalid"
    assert "put the right password into the Secret" in refused["message"]
    assert sum(not accepted for _, _, accepted in corp.exchange.state.sign_ins) == 1

    until(
        lambda: "GetStreamingEvents" in corp.exchange.state.operations,
        seconds=60,
        what="the fetcher listens",
        pause=0.2,
    )
    for number in range(3):
        reception.deliver(f"Subject: number {number}\r\n\r\nhello {number}\r\n".encode())
    events = corp.receiver.wait_events(3)
    assert {event["ce-subject"] for event in events} == {"INBOX"}
    assert all("hello" in corp.receiver.body(number) for number in range(3))
    until(
        lambda: all(item.is_read for item in reception.path("Inbox").items.values()), seconds=20, what="marked as read"
    )
    pod = fetcher_pod(kube, "reception")
    status = kube.run("exec", pod, "--", "cat", "/proc/1/status")
    found = re.search(r"VmRSS:\s+(\d+) kB", status)
    assert found is not None
    assert int(found[1]) < LARGEST_KIB, f"{found[1]} KiB"
    assert PASSWORD not in kube.run("logs", pod)


def test_a_dns_record_leads_to_exchange_within_the_domain_and_nowhere_else(corp: Corp) -> None:
    kube = corp.kube
    corp.exchange.add_account("clerk@recorded.example", PASSWORD)
    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "clerk"}, "stringData": {"password": PASSWORD}}
    login, receives = {"passwordSecretRef": {"name": "clerk"}}, {"protocol": "None"}
    domains = ("recorded", "forged", "luring")
    kube.apply(
        secret,
        *(mailbox(one, address=f"clerk@{one}.example", credentials=login, outgoing=receives) for one in domains),
    )
    kube.wait_condition("recorded", "Ready")
    forged = kube.wait_condition("forged", "IncomingReachable", "False", reason="AutodiscoverFailed")
    assert f"a DNS record names {HOST}, which is not within forged.example" in forged["message"]
    assert "incoming.url" in forged["message"]
    lured = kube.wait_condition("luring", "IncomingReachable", "False", reason="ForbiddenAddress")
    assert "169.254.169.254" in lured["message"]
    shown = {name for _, name, _ in corp.exchange.state.sign_ins}
    assert "clerk@recorded.example" in shown
    assert not shown & {"clerk@forged.example", "clerk@luring.example"}
