"""What a server offers, and the envelope for it."""

import pytest

from mailbox_operator.fetcher.lmtp.offers import Form, Offers, RecipientError, read_offers, render_envelope
from mailbox_operator.fetcher.lmtp.replies import Reply

ALL = Offers(
    pipelining=True, eight_bit=True, smtputf8=True, chunking=True, binary=True, start_tls=True, declares_size=True
)


def test_extensions_are_read_from_lhlo() -> None:
    lines = ("mail.test", "PIPELINING", "8bitmime", "SMTPUTF8", "CHUNKING", "BINARYMIME", "STARTTLS", "SIZE 1000")
    assert read_offers(Reply(250, "", lines)) == ALL
    assert read_offers(Reply(250, "", ("PIPELINING",))) == Offers(), "the first line is a name"
    assert not read_offers(Reply(250, "", ("x", "BINARYMIME"))).binary, "means nothing without CHUNKING"


@pytest.mark.parametrize(
    ("octets", "offers", "mail"),
    [
        (b"plain", ALL, b"MAIL FROM:<> SIZE=7\r\n"),
        (b"\xc3\xbc", ALL, b"MAIL FROM:<> BODY=8BITMIME SIZE=7\r\n"),
        (b"\0", ALL, b"MAIL FROM:<> BODY=BINARYMIME SIZE=7\r\n"),
        (b"\xc3\xbc", Offers(), b"MAIL FROM:<>\r\n"),
    ],
)
def test_the_body_is_declared_where_that_is_offered(octets: bytes, offers: Offers, mail: bytes) -> None:
    lines = render_envelope("a@example.com", Form(octets), size=7, offers=offers)
    assert lines == (mail, b"RCPT TO:<a@example.com>\r\n")


def test_an_international_recipient_takes_smtputf8_or_an_ascii_domain() -> None:
    mail, rcpt = render_envelope("jörg@müller.example", Form(), size=0, offers=ALL)
    assert mail.endswith(b" SMTPUTF8\r\n")
    assert rcpt == "RCPT TO:<jörg@müller.example>\r\n".encode()
    _, rcpt = render_envelope("joerg@müller.example", Form(), size=0, offers=Offers())
    assert rcpt == b"RCPT TO:<joerg@xn--mller-kva.example>\r\n"
    with pytest.raises(RecipientError):
        render_envelope("jörg@müller.example", Form(), size=0, offers=Offers())


@pytest.mark.parametrize("recipient", ["a@x>\r\nDATA", "a b@x", "<a@x>", "a\0@x"])
def test_a_recipient_cannot_say_more_than_who_it_is(recipient: str) -> None:
    with pytest.raises(RecipientError):
        render_envelope(recipient, Form(), size=0, offers=ALL)
