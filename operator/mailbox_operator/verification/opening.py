"""Which session a side gets: the one place that knows every protocol."""

from mailbox_operator.mail.endpoint import Endpoint, Protocol
from mailbox_operator.mail.ews.session import EwsSession, load_libraries
from mailbox_operator.mail.guard import AddressPolicy
from mailbox_operator.mail.imap.session import ImapSession
from mailbox_operator.mail.pop3.session import Pop3Session
from mailbox_operator.mail.session import IncomingSession, OutgoingSession
from mailbox_operator.mail.smtp import SmtpSession


async def prepare(*protocols: Protocol) -> None:
    """Load what sessions by these protocols need, so that no step's deadline pays for it."""
    if Protocol.EWS in protocols:
        await load_libraries()


def incoming_session(endpoint: Endpoint, *, policy: AddressPolicy, address: str) -> IncomingSession:
    """Return a session, not yet connected, for where mail of `address` comes in. ValueError: it does not by this protocol."""
    match endpoint.protocol:
        case Protocol.IMAP:
            return ImapSession(endpoint, policy=policy)
        case Protocol.POP3:
            return Pop3Session(endpoint, policy=policy)
        case Protocol.EWS:
            return EwsSession(endpoint, policy=policy, address=address)
        case other:
            raise ValueError(f"no incoming session speaks {other}")


def outgoing_session(endpoint: Endpoint, *, policy: AddressPolicy, address: str) -> OutgoingSession:
    """Return a session, not yet connected, for where mail of `address` goes out. ValueError: it does not by this protocol."""
    match endpoint.protocol:
        case Protocol.SMTP:
            return SmtpSession(endpoint, policy=policy)
        case Protocol.EWS:
            return EwsSession(endpoint, policy=policy, address=address)
        case other:
            raise ValueError(f"no outgoing session speaks {other}")
