"""Octets that nobody should send: in messages, which are mail all the same, and in what a server says, which is its end."""

import imaplib
import ssl
from dataclasses import replace
from typing import Final

import pytest

from integration.conftest import Account
from integration.fetcher.conftest import Fetcher, Receiver
from mailbox_operator.mail.endpoint import Security
from testbed.mailserver import MailServer
from testbed.scripted import answering, talking

pytestmark = pytest.mark.integration

MESSAGES: Final = {
    "NUL octets": b"Message-ID: <nul@x>\r\nSubject: a\0b\r\n\r\n\0\0\r\n",
    "bare line feeds": b"Message-ID: <lf@x>\nSubject: lf\n\none\ntwo\r\nthree\n",
    "bare carriage returns": b"Message-ID: <cr@x>\r\n\r\none\rtwo\r\r\nthree\r",
    "8-bit header fields": b"Message-ID: <8bit@x>\r\nFrom: \xc3\xbc \xff <a@x>\r\nSubject: \xe9\xe8\r\n\r\n\xff\xfe\r\n",
    "a header line of 1 MB": b"Message-ID: <long@x>\r\nX-Long: " + b"y" * 1_000_000 + b"\r\n\r\nbody\r\n",
    "a Message-ID of 5 kB": b"Message-ID: <" + b"z" * 5_000 + b"@x>\r\n\r\nbody\r\n",
    "8-bit Message-ID": b"Message-ID: <\xff\r\n \xfe@x>\r\n\r\nbody\r\n",
    "no header": b"\r\njust a body\r\n",
    "no body": b"Message-ID: <header@x>\r\n",
    "nothing but a line end": b"\r\n",
    "what looks like IMAP": b"Message-ID: <imap@x>\r\n\r\nm5 OK done\r\n)\r\n* 1 FETCH (UID 1 BODY[] {9}\r\n* BYE\r\n",
    "what looks like HTTP": b"Message-ID: <http@x>\r\n\r\nGET / HTTP/1.1\r\nContent-Length: 9\r\n\r\n0\r\n\r\n",
    "a field name with a colon in it only": b": x\r\nMessage-ID : <space@x>\r\n\r\nbody\r\n",
}
"""Each is delivered as the server hands it out."""

LISTED: Final = b'* 1 FETCH (UID 1 INTERNALDATE "17-Jul-2026 02:44:25 +0000" RFC822.SIZE 20)\r\n% OK done\r\n'
BODY: Final = b'* 1 FETCH (UID 1 FLAGS () INTERNALDATE "17-Jul-2026 02:44:25 +0000" RFC822.SIZE 20 BODY[] '
RESPONSES: Final = {
    "a literal that announces 4 GB and more": BODY + b"{4294967297}\r\nabc",
    "a literal that announces what no integer holds": BODY + b"{99999999999999999999999}\r\nabc",
    "a literal that never comes": BODY + b"{20}\r\nabc",
    "a negative literal": BODY + b"{-1}\r\nabc)\r\n% OK done\r\n",
    "a line that never ends": b"* " + b"x" * 3_000_000,
    "NUL octets": b"\0\0\0\r\n\0* \0\r\n% OK done\r\n",
    "bare line feeds": b"* OK hello\n* 1 FETCH (UID 1)\n% OK done\n" * 3,
    "a reply to nothing": b"zz OK done\r\n",
    "another protocol": b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n",
    "untagged responses without end": b"* OK still here\r\n" * 150_000,
    "no UID and no body": b"* 1 FETCH ()\r\n* FETCH\r\n* \r\n*\r\n\r\n% OK done\r\n",
    "a good-bye within a literal": BODY + b"{20}\r\nabc\r\n* BYE\r\n",
    "octets above 127": bytes(range(128, 256)) * 10 + b"\r\n% OK \xff\r\n",
}
"""Each ends the session, or is passed over; nothing is taken for delivered, and memory stays small."""


def test_strange_messages_are_delivered_as_the_server_hands_them_out(
    server: MailServer, account: Account, receiver: Receiver, fetcher: Fetcher
) -> None:
    server.dovecot.seed(account.address, list(MESSAGES.values()))
    fetcher.change(mark_seen=False, deduplicate=False)
    assert fetcher.once() == 0, fetcher.log()
    with imaplib.IMAP4_SSL("localhost", server.dovecot.imaps, ssl_context=trusting(server)) as other:
        other.login(account.address, account.password)
        other.select("INBOX", readonly=True)
        expected = {}
        for number in range(1, len(MESSAGES) + 1):
            _, found = other.fetch(str(number), "(UID BODY.PEEK[])")
            assert isinstance(found[0], tuple)
            head, octets = found[0]
            expected[head.split(b"UID ")[1].split()[0].decode()] = octets
    came = {event.id.rpartition("/")[2]: event.body for event in receiver.accepted}
    assert came == expected
    assert len(receiver.accepted) == len(MESSAGES)


def trusting(server: MailServer) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=server.pki.folder / "ca.pem")


@pytest.mark.parametrize("case", RESPONSES)
def test_malformed_responses_end_a_session_and_nothing_else(
    case: str, account: Account, receiver: Receiver, fetcher: Fetcher
) -> None:
    talk = answering(
        b"* OK [CAPABILITY IMAP4rev1 SASL-IR AUTH=PLAIN] here\r\n",
        {
            b"AUTHENTICATE": b"% OK [CAPABILITY IMAP4rev1] in\r\n",
            b"SELECT": b"* 1 EXISTS\r\n* OK [UIDVALIDITY 7] .\r\n* OK [UIDNEXT 2] .\r\n% OK [READ-WRITE] done\r\n",
            b"EXAMINE": b"* 1 EXISTS\r\n* OK [UIDVALIDITY 7] .\r\n* OK [UIDNEXT 2] .\r\n% OK [READ-ONLY] done\r\n",
            b"LIST": b'* LIST () "/" INBOX\r\n% OK done\r\n',
            b"BODY.PEEK": RESPONSES[case],
            b"UID FETCH": LISTED,
            b"NOOP": b"% OK done\r\n",
        },
        hang_up_after=b"BODY.PEEK",
    )
    with talking(talk) as port:
        source = replace(fetcher.plan.source, port=port, security=Security.NONE)
        fetcher.write_plan(replace(fetcher.plan, source=source))
        assert fetcher.once() == 1, account
    log = fetcher.log()
    assert "Traceback" not in log, log
    assert "not everything was fetched" in log
    assert not receiver.events
    assert fetcher.saved()["folders"].get("INBOX", {}).get("last", 0) == 0
