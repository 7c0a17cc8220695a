from typing import Any, Final

import pytest

from mailbox_operator.api.implemented import not_implemented
from mailbox_operator.api.mailbox import MailboxSpec

DONE: Final[dict[str, Any]] = {
    "address": "support@example.com",
    "displayName": "Support",
    "incoming": {"protocol": "IMAP", "host": "imap.example.com", "security": "StartTLS"},
    "outgoing": {"protocol": "SMTP", "host": "smtp.example.com", "credentials": {"passwordSecretRef": {"name": "b"}}},
    "tls": {"caSecretRef": {"name": "ca"}, "minVersion": "TLSv1.3"},
    "credentials": {"username": "u", "mechanism": "Plain", "passwordSecretRef": {"name": "a"}},
    "fetch": {"mode": "Poll", "interval": "1m", "since": "0", "filter": {"maxMessageSize": "1Mi", "oversize": "Skip"}},
    "delivery": {"webhook": {"serviceRef": {"name": "desk"}, "timeout": "5s", "caSecretRef": {"name": "ca"}}},
    "fetcher": {"labels": {"a": "b"}},
    "deletionPolicy": "Orphan",
}


def asked(**spec: Any) -> list[str]:
    return not_implemented(MailboxSpec.model_validate(DONE | spec))


def test_what_is_done_is_not_complained_of() -> None:
    assert asked() == []
    assert asked(outgoing={"protocol": "None"}) == []
    assert asked(fetch={"folders": {"include": [r"\Inbox", "Projects/*"], "exclude": ["*/Old"]}}) == []
    assert asked(fetch={"filter": {"unseenOnly": True, "headers": [{"name": "X-A"}], "from": ["a@b.c"]}}) == []
    assert (
        asked(fetch={"afterFetch": {"moveTo": "Done"}})
        == asked(fetch={"afterFetch": {"delete": True, "deleteAfter": "7d"}})
        == []
    )
    assert (
        asked(
            incoming={"protocol": "POP3", "host": "a"},
            fetch={"afterFetch": {"leaveOnServer": False, "deleteAfter": "7d"}},
        )
        == []
    )
    assert asked(incoming=None, outgoing={"port": 587}, providerRef={"name": "hosting"}) == []
    assert asked(incoming={"protocol": "EWS"}, outgoing={"protocol": "EWS"}, sharedMailbox=True) == []


@pytest.mark.parametrize(
    ("spec", "told"),
    [
        ({"incoming": {"protocol": "Gmail", "host": "a"}}, "spec.incoming.protocol: Gmail"),
        ({"incoming": {"protocol": "Graph"}}, "spec.incoming.protocol: Graph"),
        ({"outgoing": {"protocol": "Gmail"}}, "spec.outgoing.protocol: Gmail"),
        ({"outgoing": {"protocol": "Graph", "host": "a"}}, "spec.outgoing.protocol: Graph"),
        ({"incoming": None}, "discovery of the incoming server (set spec.incoming.host or spec.providerRef)"),
        ({"outgoing": {"port": 587}}, "discovery of the outgoing server (set spec.outgoing.host or spec.providerRef)"),
        ({"credentials": {"oauth": {"appRef": {"name": "a"}}}}, "spec.credentials.oauth"),
        (
            {"outgoing": {"host": "a", "credentials": {"oauth": {"appRef": {"name": "a"}}}}},
            "spec.outgoing.credentials.oauth",
        ),
        ({"sharedMailbox": True}, "spec.sharedMailbox: true"),
        ({"capabilities": ["Mail", "Contacts"]}, "spec.capabilities: Contacts"),
    ],
)
def test_what_is_not_done_is_named_with_its_value(spec: dict[str, Any], told: str) -> None:
    assert asked(**spec) == [told]
