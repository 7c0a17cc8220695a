from typing import Any

import pytest

from mailbox_operator.api.mailbox import MailboxSpec
from mailbox_operator.api.mailprovider import MailProviderSpec
from mailbox_operator.controller.resolve import Resolution, UnresolvedError, resolve
from mailbox_operator.controller.status import resolved
from mailbox_operator.mail.endpoint import Protocol, Security
from mailbox_operator.verification.model import Retirement

PROVIDER: MailProviderSpec = MailProviderSpec.model_validate(
    {"incoming": [{"protocol": "EWS", "url": "https://mail.hosting.example/ews"}], "displayName": "Hosting"}
)


def asked(**spec: Any) -> MailboxSpec:
    common = {"address": "support@example.com", "credentials": {"passwordSecretRef": {"name": "support-mail"}}}
    return MailboxSpec.model_validate(common | spec)


def chosen(provider: MailProviderSpec | None = None, **spec: Any) -> Resolution:
    return resolve(asked(**spec), provider=provider)


def test_a_url_says_where_exchange_is_and_that_side_sends_too_where_asked_for() -> None:
    found = chosen(
        incoming={"url": "https://exchange.corp.example:8443/EWS/Exchange.asmx"}, outgoing={"protocol": "EWS"}
    )
    door = found.incoming
    assert (door.protocol, door.host, door.port) == (Protocol.EWS, "exchange.corp.example", 8443)
    assert (door.path, door.security, door.source) == ("/EWS/Exchange.asmx", Security.TLS, "Spec")
    assert door.url == "https://exchange.corp.example:8443/EWS/Exchange.asmx"
    assert found.outgoing == door


def test_a_host_alone_means_the_usual_path() -> None:
    door = chosen(incoming={"protocol": "EWS", "host": "exchange.corp.example"}).incoming
    assert (str(door), door.url) == ("EWS exchange.corp.example:443", "https://exchange.corp.example/EWS/Exchange.asmx")


@pytest.mark.parametrize(
    "incoming", [{"url": "https://[2001:db8::1]/EWS/Exchange.asmx"}, {"protocol": "EWS", "host": "2001:db8::1"}]
)
def test_an_address_of_ipv6_stands_in_brackets_where_a_url_is_written(incoming: dict[str, str]) -> None:
    door = chosen(incoming=incoming).incoming
    assert (door.host, door.port) == ("2001:db8::1", 443)
    assert door.url == "https://[2001:db8::1]/EWS/Exchange.asmx"
    assert str(door) == "EWS [2001:db8::1]:443"


def test_plain_http_is_taken_as_asked() -> None:
    door = chosen(incoming={"url": "http://exchange.corp.example"}).incoming
    assert (door.port, door.security, door.path) == (80, Security.NONE, "/EWS/Exchange.asmx")


def test_without_a_url_the_provider_says_and_without_a_provider_autodiscover() -> None:
    assert chosen(PROVIDER, incoming={"protocol": "EWS"}).incoming.url == "https://mail.hosting.example/ews"
    found = chosen(incoming={"protocol": "EWS"}, outgoing={"protocol": "EWS"})
    door = found.incoming
    assert (door.host, door.path, door.url, door.source) == ("example.com", "", None, "Autodiscover")
    assert str(door) == "EWS by autodiscover of example.com"
    shown = resolved(asked(), found)
    assert "url" not in shown["incoming"]


@pytest.mark.parametrize(
    ("written", "protocol", "mechanism"),
    [
        ("EWS", Protocol.EWS, ""),
        ("SMTP Basic", Protocol.SMTP, "Basic"),
        ("Basic", None, "Basic"),
        ("EWS NTLM", Protocol.EWS, "NTLM"),
        ("CRAMMD5", None, "CRAMMD5"),
    ],
)
def test_what_a_provider_ends_is_read(written: str, protocol: Protocol | None, mechanism: str) -> None:
    ending = {"protocol": written, "date": "2027-04-01", "note": "use\n Graph "}
    provider = MailProviderSpec.model_validate(
        {"incoming": [{"protocol": "IMAP", "host": "mail.example"}], "retirements": [ending]}
    )
    [found] = chosen(provider).retirements
    wanted = Retirement(protocol=protocol, mechanism=mechanism, date="2027-04-01", note="use Graph")
    assert found == wanted


@pytest.mark.parametrize("url", ["https://exchange.corp.example:99999999/ews", "https://[corp/ews", "https://:443/ews"])
def test_a_url_that_is_none_says_what_to_write(url: str) -> None:
    with pytest.raises(UnresolvedError, match="write https://HOST/EWS/"):
        chosen(incoming={"url": url})
