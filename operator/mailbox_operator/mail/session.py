"""What verification asks of a session, whatever its protocol."""

from collections.abc import Sequence
from datetime import datetime
from email.message import EmailMessage
from typing import Final, Protocol

from mailbox_operator.mail.credential import Credential
from mailbox_operator.mail.tls import Negotiated
from mailbox_operator.values import dataclass

TEST_SUBJECT: Final = "Test of this mailbox"
"""Of the test message, before its token: where a server finds nothing by a header, it finds it by the subject."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """A message that carries the header it was looked for by."""

    id: str
    """The session's own name for it: a UID, a UIDL, an item id."""
    folder: str
    """Where it is; "" where the protocol knows no folders."""
    value: str
    """Of the header, unfolded."""
    received: datetime
    """When the server took the message."""


class Session(Protocol):
    """Call `reach`, `secure`, `sign_in`, then the rest; `close` in any case. All raise MailError; no deadlines here."""

    async def reach(self) -> None:
        """Connect, and read the greeting where it comes before TLS."""

    async def secure(self) -> Negotiated | None:
        """Speak TLS as asked, never less. Returns what was negotiated; None where no TLS is asked for."""

    async def sign_in(self, credential: Credential) -> str:
        """Show the credential, once. Returns the mechanism by which, as the API has it (`Plain`, `NTLM` …)."""

    async def close(self) -> None:
        """Say good-bye, if the connection still serves for it, and close it, whatever has happened."""


class IncomingSession(Session, Protocol):
    """A side where mail comes in."""

    async def open_folders(self, folders: Sequence[str], *, exclude: Sequence[str] = (), leaving: bool = False) -> str:
        """Prove that each folder can be read, changing nothing, and return a sentence with their counts.

        Both are patterns as in `mail.folders`. `leaving`: nothing is asked afterwards, the good-bye may go along.

        Where the protocol knows no folders, prove what fetching needs in their place.
        """

    async def find(self, header: str, value: str) -> list[Found]:
        """Return messages whose `header` holds `value` ("": any), changing nothing; look anew at each call.

        Looks through the folders opened before and where misfiled mail goes, at a bounded number of messages. A server's
        search is only a hint: the caller compares `Found.value`.
        """

    async def delete(self, found: Sequence[Found]) -> None:
        """Delete messages that `find` has returned, only these, and for good. They are gone when this returns."""


class OutgoingSession(Session, Protocol):
    """A side where mail goes out."""

    async def judge_sender(self, address: str, *, recipient: str) -> bool:
        """Prove that `address` may send, without sending. False: the protocol has no way to tell."""

    async def send(self, message: EmailMessage, *, sender: str, recipient: str) -> None:
        """Send a message, keeping no copy of it where the protocol lets one choose."""
