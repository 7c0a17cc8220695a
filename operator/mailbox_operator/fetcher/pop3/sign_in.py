"""From nothing to a signed-in POP3 connection: greeting, STLS as asked, the credential once."""

from base64 import b64encode
from typing import Final

from mailbox_operator.fetcher.mounted_tls import endpoint_of
from mailbox_operator.fetcher.pop3.connection import Answer, Pop3Connection
from mailbox_operator.fetcher.pop3.reader import Shape
from mailbox_operator.fetcher.source import LoginRefusedError, SourceContext
from mailbox_operator.mail.connection import clean, connect
from mailbox_operator.mail.credential import Credential, masked, require_sendable
from mailbox_operator.mail.endpoint import Endpoint, Protocol, Security
from mailbox_operator.mail.errors import Area, MailError, SaslError, asking
from mailbox_operator.mail.pop3.capability import UNKNOWN, Capabilities, note_delay, parse_capabilities
from mailbox_operator.mail.pop3.mechanism import USER, choose_mechanism, needs_utf8
from mailbox_operator.mail.sasl import Exchange, begin, decoded
from mailbox_operator.mail.secret import Secret

TEMPORARY: Final = frozenset({"IN-USE", "LOGIN-DELAY", "SYS/TEMP"})
"""Codes (RFC 2449, RFC 3206) of a refusal that says nothing of the credential."""
LONGEST_COMMAND: Final = 253
"""Octets without CRLF (RFC 2449 section 4): a longer response waits for the server to ask for it."""


async def open_pop3(context: SourceContext, secret: Secret) -> tuple[Pop3Connection, Capabilities]:
    """Return a signed-in connection and what the server can do. The deadline is the caller's.

    Raises:
        LoginRefusedError: the server refused the credential.
        MailError: anything else.
    """
    plan = context.plan
    credential = Credential(username=plan.username, secret=secret, mechanism=plan.mechanism)
    with asking("CONNECT", protocol=Protocol.POP3):
        endpoint = endpoint_of(plan)
        connection = await connect(
            lambda: Pop3Connection(
                max_message=context.pipeline.fetch.max_message_size, spool_folder=context.spool_folder
            ),
            endpoint,
            policy=context.policy,
            head_start=context.head_start,
        )
    try:
        with asking("GREETING", protocol=Protocol.POP3):
            _accepted(await connection.greeting)
        offered = await ask_capabilities(connection)
        if endpoint.security is Security.START_TLS:
            with asking("STARTTLS", protocol=Protocol.POP3):
                await _start_tls(connection, offered, endpoint)
            offered = await ask_capabilities(connection)  # those from before TLS mean nothing (RFC 2595 section 4)
        with asking("AUTHENTICATE", protocol=Protocol.POP3):
            await _sign_in(connection, offered, endpoint, credential)
        offered = await ask_capabilities(connection)  # RFC 2449 section 5: another state, another list
    except BaseException:
        connection.close()
        await connection.wait_closed()
        raise
    return connection, offered


async def ask_capabilities(connection: Pop3Connection) -> Capabilities:
    """Return the answer to CAPA. Raises MailError."""
    answer = await connection.ask(b"CAPA", shape=Shape.LINES)
    return parse_capabilities(answer.lines) if answer.is_ok else UNKNOWN


async def _start_tls(connection: Pop3Connection, offered: Capabilities, endpoint: Endpoint) -> None:
    if not offered.stls:
        raise MailError("STARTTLS not advertised", area=Area.STARTTLS)
    answer = await connection.ask(b"STLS")
    if not answer.is_ok:
        raise MailError(answer.text, area=Area.STARTTLS, status="-ERR", response_code=answer.code)
    await connection.start_tls(endpoint)


async def _sign_in(
    connection: Pop3Connection, offered: Capabilities, endpoint: Endpoint, credential: Credential
) -> None:
    try:
        require_sendable(credential)
        name = choose_mechanism(credential, offered=offered, private=endpoint.is_private)
        if name == USER:
            if needs_utf8(credential, offered=offered):
                await connection.ask(b"UTF8")  # refused or not
            _accepted(await connection.ask(f"USER {credential.username}".encode()))
            _accepted(await connection.ask(f"PASS {credential.secret.reveal()}".encode()), shown=True)
        else:
            await _authenticate(connection, begin(name, credential, host=endpoint.host, port=endpoint.port))
    except SaslError as error:
        raise MailError(str(error), area=Area.POLICY) from None
    except MailError as error:
        note_delay(error, offered)
        raise masked(error, credential) from None


async def _authenticate(connection: Pop3Connection, exchange: Exchange) -> None:
    """The command AUTH, with the initial response of RFC 5034 where it is short."""
    unsaid, command = exchange.initial, f"AUTH {exchange.name}".encode()
    if unsaid is not None and len(whole := b"%b %b" % (command, b64encode(unsaid) or b"=")) <= LONGEST_COMMAND:
        command, unsaid = whole, None
    answer = await connection.ask(command)
    while answer.challenge is not None:
        try:
            said = exchange.answer(decoded(answer.challenge)) if unsaid is None else unsaid
        except SaslError:
            await connection.respond(b"*")
            raise
        unsaid = None
        answer = await connection.respond(b64encode(said))
    _accepted(answer, shown=True, refusal=exchange.refusal)
    exchange.conclude()


def _accepted(answer: Answer, *, shown: bool = False, refusal: str = "") -> None:
    """Raise MailError where the answer is no `+OK`, LoginRefusedError where the credential was `shown` before it."""
    if answer.is_ok:
        return
    error = answer.failed()
    if refusal:
        error = error.with_text(f"{error.text}: {clean(refusal)}")
    if shown and answer.code not in TEMPORARY:
        raise LoginRefusedError(error.text, area=Area.POP3, status=error.status, response_code=error.response_code)
    raise error
