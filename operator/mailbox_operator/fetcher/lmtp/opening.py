"""From nothing to an LMTP connection that takes messages: greeting, LHLO, STARTTLS as asked."""

import re
import socket
import ssl
from collections.abc import Callable
from typing import Final

from mailbox_operator.diagnosis.evidence import Evidence
from mailbox_operator.fetcher.lmtp.answer import said_of
from mailbox_operator.fetcher.lmtp.connection import LmtpConnection
from mailbox_operator.fetcher.lmtp.offers import Offers, RecipientError, read_offers, write_address
from mailbox_operator.fetcher.lmtp.replies import LmtpError, Reply
from mailbox_operator.fetcher.webhook.answer import Answer, Verdict
from mailbox_operator.mail.dial import Tls, dial, start_tls
from mailbox_operator.mail.endpoint import Security
from mailbox_operator.mail.errors import Area, MailError
from mailbox_operator.mail.guard import AddressPolicy
from mailbox_operator.values import dataclass

HOST_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9.-]{0,253}")
SUCCESS: Final = range(200, 300)
PERMANENT: Final = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class LmtpServer:
    """Where messages go."""

    host: str
    port: int
    recipient: str
    security: Security
    ssl_context: ssl.SSLContext | None
    """None where security is."""
    policy: AddressPolicy


class OpeningError(Exception):
    """There is no connection; `answer` is what that means for a message."""

    def __init__(self, answer: Answer) -> None:
        super().__init__(answer.said)
        self.answer = answer


async def open_lmtp(server: LmtpServer, *, freed: Callable[[LmtpConnection], None]) -> LmtpConnection:
    """Return a connection that takes messages; the deadline is the caller's. Raises OpeningError."""
    try:
        connection = await _connect(server, freed=freed)
    except MailError as error:
        raise _failed(error) from error
    try:
        offers = await _greet(connection)
        if server.security is Security.START_TLS:
            offers = await _start_tls(connection, offers, server)
        write_address(server.recipient, offers=offers)
    except MailError as error:
        connection.abort("")
        raise _failed(error) from error
    except LmtpError as error:
        connection.abort("")
        raise OpeningError(_again(f"The server does not speak LMTP: {error}")) from error
    except RecipientError as error:
        connection.abort("")
        raise OpeningError(_misconfigured(f"The message cannot be addressed: {error}")) from error
    except BaseException:
        connection.abort("")
        raise
    connection.serve(server.recipient, offers=offers)
    return connection


async def _connect(server: LmtpServer, *, freed: Callable[[LmtpConnection], None]) -> LmtpConnection:
    return await dial(
        lambda: LmtpConnection(freed=freed),
        server.host,
        server.port,
        policy=server.policy,
        tls=_tls(server) if server.security is Security.TLS else None,
    )


def _tls(server: LmtpServer) -> Tls:
    assert server.ssl_context is not None  # noqa: S101 - there is security
    return Tls(server.ssl_context, server.host)


async def _greet(connection: LmtpConnection) -> Offers:
    _expect(await connection.answer(), what="greeted with")
    return await _introduce(connection)


async def _introduce(connection: LmtpConnection) -> Offers:
    reply = await connection.command(b"LHLO %b\r\n" % _own_name())
    _expect(reply, what="answered to LHLO:")
    return read_offers(reply)


async def _start_tls(connection: LmtpConnection, offers: Offers, server: LmtpServer) -> Offers:
    if not offers.start_tls:
        raise OpeningError(_misconfigured("The LMTP server does not offer STARTTLS"))
    _expect(await connection.command(b"STARTTLS\r\n"), what="answered to STARTTLS:")
    if connection.holds_unread_octets:  # what was sent in the clear must not count as secured (CVE-2011-0411)
        raise LmtpError("more came than the reply to STARTTLS")
    assert connection.transport is not None  # noqa: S101 - it just answered
    transport = await start_tls(connection, connection.transport, tls=_tls(server), host=server.host)
    connection.connection_made(transport)
    return await _introduce(connection)  # what was offered before means nothing (RFC 3207 section 4.2)


def _expect(reply: Reply, *, what: str) -> None:
    if reply.code in SUCCESS:
        return
    said = f"The LMTP server {what} {said_of(reply, None).partition(': ')[2]}"
    evidence = Evidence(text=reply.text, area="lmtp", status=str(reply.code), enhanced_code=reply.enhanced)
    raise OpeningError(_misconfigured(said, evidence) if reply.code >= PERMANENT else _again(said, evidence))


def _failed(error: MailError) -> OpeningError:
    # A certificate does not mend itself, and neither does an address that must not be dialled.
    lasting = error.tls_verify_code or error.area is Area.POLICY
    evidence = Evidence(text=error.text, area="lmtp")
    return OpeningError(_misconfigured(error.text, evidence) if lasting else _again(error.text, evidence))


def _again(said: str, evidence: Evidence | None = None) -> Answer:
    return Answer(verdict=Verdict.AGAIN, said=said, is_transport=True, evidence=evidence)


def _misconfigured(said: str, evidence: Evidence | None = None) -> Answer:
    return Answer(verdict=Verdict.MISCONFIGURED, said=said, is_transport=True, evidence=evidence)


def _own_name() -> bytes:
    name = socket.gethostname()
    return name.encode() if HOST_NAME.fullmatch(name) else b"localhost"
