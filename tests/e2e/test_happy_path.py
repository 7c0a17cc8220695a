"""A Mailbox from `kubectl apply` to its mail at the application, over TLS and over STARTTLS."""

import re
from hashlib import sha256

import pytest

from e2e.conftest import Team

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(120)]

DOCUMENTED_ORDER = [
    "SpecValid",
    "ReferencesResolved",
    "EndpointsResolved",
    "TokenAcquired",
    "IncomingReachable",
    "IncomingSecured",
    "IncomingAuthenticated",
    "FoldersAccessible",
    "OutgoingReachable",
    "OutgoingSecured",
    "OutgoingAuthenticated",
    "TestMessageDelivered",
    "FetcherAvailable",
    "Delivering",
    "Ready",
]


@pytest.mark.parametrize("security", ["TLS", "StartTLS"])
def test_a_mailbox_turns_ready_and_its_mail_arrives(team: Team, security: str) -> None:
    team.mailbox("support", incoming={"security": security}, outgoing={"security": security})
    team.kube.wait_condition("support", "Ready")

    conditions = team.kube.conditions("support")
    assert list(conditions) == DOCUMENTED_ORDER
    assert {name: c["status"] for name, c in conditions.items()} == dict.fromkeys(DOCUMENTED_ORDER, "True")
    assert "TLSv1." in conditions["IncomingSecured"]["message"]
    assert "INBOX" in conditions["FoldersAccessible"]["message"]

    bodies = [f"Subject: number {n}\r\n\r\nhello {n}\r\n".encode() for n in range(3)]
    team.send("support", bodies)
    events = team.receiver.wait_events(3)
    assert len(events) == 3, "the operator's own test message is never handed over"
    assert {event["ce-source"] for event in events} == {f"/namespaces/{team.kube.namespace}/mailboxes/support"}
    assert {event["ce-type"] for event in events} == {"io.mailbox-operator.message.received.v1"}
    assert len({event["ce-id"] for event in events}) == 3
    assert all("hello" in team.receiver.body(n) for n in range(3))
    assert team.mail.count(team.address("support")) == 3, "the test message was removed, the mail was left"


def test_kubectl_reads_like_a_sentence(team: Team) -> None:
    team.mailbox("support")
    team.kube.wait_condition("support", "Ready")

    wide = team.kube.run("get", "mbx", "-o", "wide")
    header, row = wide.splitlines()
    assert re.split(r"\s{2,}", header.strip()) == [
        "NAME", "ADDRESS", "PROVIDER", "INCOMING", "READY", "REASON", "LAST MESSAGE", "AGE", "MESSAGE", "OUTGOING", "DELIVERY",
    ]  # fmt: skip
    assert team.address("support") in row
    assert "True" in row
    described = team.kube.run("describe", "mailbox", "support")
    assert "Verified" in described, "the event tells what happened"
    assert "IMAP" in described


def test_mail_that_comes_later_is_pushed(team: Team) -> None:
    team.mailbox("support", fetch={"interval": "10m"})
    team.kube.wait_condition("support", "Ready")
    team.send("support", [b"Subject: first\r\n\r\nfirst\r\n"])
    team.receiver.wait_events(1, seconds=10)
    team.send("support", [b"Subject: second\r\n\r\nsecond\r\n"])
    team.receiver.wait_events(2, seconds=10)


@pytest.mark.timeout(240)
def test_a_fetcher_is_small_while_it_idles_and_with_a_message_of_200_mb(team: Team) -> None:
    team.mailbox("support", fetch={"filter": {"maxMessageSize": "256Mi"}})
    team.kube.wait_condition("support", "Ready")
    team.send("support", [b"Subject: one\r\n\r\none\r\n"])
    team.receiver.wait_events(1)
    idle = memory(team, "VmRSS")
    assert idle < 40 * 1024, f"{idle} KiB"

    large = b"Message-ID: <large@x>\r\n\r\n" + (b"x" * 76 + b"\r\n") * (200 * 1024 * 1024 // 78)
    team.mail.seed(team.address("support"), [large])
    event = team.receiver.wait_events(2, seconds=60)[1]
    assert (event["octets"], event["sha256"]) == (len(large), sha256(large).hexdigest())
    most = memory(team, "VmHWM")
    assert most < idle + 16 * 1024, f"{idle} KiB before, {most} KiB at the most"


def memory(team: Team, what: str) -> int:
    """Return a figure of the fetcher's process in its pod, in KiB."""
    status = team.kube.run("exec", "deployment/mbx-support", "--", "cat", "/proc/1/status")
    found = re.search(rf"{what}:\s+(\d+) kB", status)
    assert found is not None
    return int(found[1])
