"""Autodiscover in plain XML: what of an answer is taken, whatever it says and however it is damaged."""

import random
import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from lxml.etree import LxmlError

from mailbox_operator.mail.errors import MailError
from mailbox_operator.mail.ews.client import Told
from mailbox_operator.mail.ews.pox import REQUEST, parse_answer, render_request

pytestmark = pytest.mark.integration

URL = "https://autodiscover.corp.test/autodiscover/autodiscover.xml"
SERVICE = "https://mail.corp.test/EWS/Exchange.asmx"


def answer(account: str, *, scheme: str = "http") -> bytes:
    """Return an answer with this inside; the vendor's own examples write the namespaces with https."""
    outer = f"{scheme}://schemas.microsoft.com/exchange/autodiscover/responseschema/2006"
    inner = f"{scheme}://schemas.microsoft.com/exchange/autodiscover/outlook/responseschema/2006a"
    return (
        f'<?xml version="1.0" encoding="utf-8"?>\n<Autodiscover xmlns="{outer}"><Response xmlns="{inner}">'
        f"<Account><AccountType>email</AccountType>{account}</Account></Response></Autodiscover>"
    ).encode()


def protocol(kind: str, *urls: str) -> str:
    return f"<Protocol><Type>{kind}</Type>{''.join(urls)}</Protocol>"


INSIDE = "<EwsUrl>https://inside.test/</EwsUrl>"
OUTSIDE = f"<EwsUrl>{SERVICE}</EwsUrl>"


@pytest.mark.parametrize(
    ("account", "told"),
    [
        (protocol("EXCH", INSIDE) + protocol("EXPR", OUTSIDE), Told(service=SERVICE)),
        (protocol("EXCH", OUTSIDE) + protocol("EXPR") + protocol("WEB", INSIDE), Told(service=SERVICE)),
        (protocol("EXHTTP", OUTSIDE), Told(service=SERVICE)),
        (protocol("EXPR", f"<ASUrl>\n {SERVICE} </ASUrl>"), Told(service=SERVICE)),
        (protocol("EXPR", "<ASUrl>https://other.test/</ASUrl>", OUTSIDE), Told(service=SERVICE)),
        ("<Action>redirectAddr</Action><RedirectAddr>r@corp.test</RedirectAddr>", Told(address="r@corp.test")),
        (
            "<Action>redirectUrl</Action><RedirectUrl>https://other.test/a.xml</RedirectUrl>",
            Told(place="https://other.test/a.xml"),
        ),
    ],
)
@pytest.mark.parametrize("scheme", ["http", "https"])
def test_the_service_that_is_reached_from_outside_goes_first(account: str, told: Told, scheme: str) -> None:
    assert parse_answer(answer(account, scheme=scheme), url=URL) == told


@pytest.mark.parametrize(
    "account", ["", protocol("IMAP", "<Server>mail.corp.test</Server>"), protocol("EXPR", "<EwsUrl> </EwsUrl>")]
)
def test_an_answer_that_names_no_service_says_so(account: str) -> None:
    with pytest.raises(MailError, match="names no URL of EWS") as caught:
        parse_answer(answer(account), url=URL)
    assert caught.value.vendor_code == "AutoDiscoverFailed"


@pytest.mark.parametrize(
    ("code", "vendor"), [("500", "ErrorNonExistentMailbox"), ("600", "AutoDiscoverFailed"), ("", "AutoDiscoverFailed")]
)
def test_a_refusal_is_told_in_the_servers_words(code: str, vendor: str) -> None:
    said = f"<Error><ErrorCode>{code}</ErrorCode><Message>{'no way ' * 400}</Message><DebugData/></Error>"
    refusal = f"<Autodiscover><Response>{said}</Response></Autodiscover>".encode()
    with pytest.raises(MailError, match="no way") as caught:
        parse_answer(refusal, url=URL)
    assert caught.value.vendor_code == vendor
    assert len(caught.value.text) <= 512


def test_an_address_is_no_markup() -> None:
    asked = render_request("a&b<c>@corp.test")
    assert b"<EMailAddress>a&amp;b&lt;c&gt;@corp.test</EMailAddress>" in asked
    assert REQUEST.encode() in asked


WHOLE = answer(protocol("EXCH", INSIDE) + protocol("EXPR", OUTSIDE))
BOMB = b'<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;"><!ENTITY c SYSTEM "file:///etc/passwd">]>'


@given(seed=st.integers(0, 10_000), how=st.sampled_from(["cut", "flip", "without", "noise"]))
@example(seed=0, how="entity")
def test_a_damaged_answer_is_an_answer_or_a_fault_that_is_named(seed: int, how: str) -> None:
    chance = random.Random(seed)  # noqa: S311 - to be found again
    place = chance.randrange(len(WHOLE))
    damaged = {
        "cut": WHOLE[:place],
        "flip": WHOLE[:place] + chance.randbytes(1) + WHOLE[place + 1 :],
        "without": re.sub(rb"<(\w+)[^<>]*>[^<>]*</\1>", b"", WHOLE, count=1 + seed % 3),
        "noise": chance.randbytes(seed % 200),
        "entity": WHOLE.replace(b"?>", b"?>" + BOMB, 1).replace(SERVICE.encode(), b"https://&b;&c;.test/"),
    }[how]
    try:
        told = parse_answer(damaged, url=URL)
    except (MailError, LxmlError):
        return
    assert b"root:" not in repr(told).encode()
    assert len(repr(told)) < len(WHOLE)
