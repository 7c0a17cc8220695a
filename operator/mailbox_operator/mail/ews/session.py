"""A session with an Exchange server by Exchange Web Services, for proving. The libraries are loaded when it is used."""

import asyncio
from collections.abc import Callable, Sequence
from email.message import EmailMessage
from typing import TYPE_CHECKING, Final, TypeVar

from mailbox_operator.mail.blocking import pool
from mailbox_operator.mail.credential import Credential, masked, require_sendable
from mailbox_operator.mail.endpoint import Endpoint, Security, in_url
from mailbox_operator.mail.errors import Area, MailError, asking
from mailbox_operator.mail.ews.wire import Wire
from mailbox_operator.mail.guard import AddressPolicy
from mailbox_operator.mail.session import TEST_SUBJECT, Found
from mailbox_operator.mail.tls import Negotiated

if TYPE_CHECKING:
    from requests.auth import AuthBase

    from mailbox_operator.mail.ews.client import Door, Taste
    from mailbox_operator.mail.ews.mailbox import EwsMailbox

T = TypeVar("T")

MOST_OCTETS: Final = 8 * 1024 * 1024
"""Of one answer."""


async def load_libraries() -> None:
    """Import what a session needs, in a thread and before any deadline runs: on a busy machine that takes seconds."""
    await asyncio.get_running_loop().run_in_executor(pool(), _load)


def _load() -> None:
    from mailbox_operator.mail.ews import mailbox  # noqa: F401, PLC0415 - 40 MiB, and only where it is used


class EwsSession:
    """Incoming and outgoing at once. All raise MailError."""

    def __init__(
        self, endpoint: Endpoint, *, policy: AddressPolicy, address: str, most_octets: int = MOST_OCTETS
    ) -> None:
        """`address`: the mailbox that is opened, be it the signing-in one's own or another's."""
        self._endpoint = endpoint
        self._address = address
        self._wire = Wire(policy=policy, most_octets=most_octets)
        self._host = endpoint.host.strip("[]")
        self._taste: Taste | None = None
        self._tls_fault: MailError | None = None
        self._mailbox: EwsMailbox | None = None

    async def reach(self) -> None:
        """Connect and hear what the server answers to somebody who shows no credential.

        A fault of TLS is kept for `secure`.
        """
        with asking("CONNECT", protocol="EWS"):
            try:
                self._taste = await self._wire.run(self._knock)
            except MailError as error:
                if error.area is not Area.TLS:
                    raise
                self._tls_fault = error
            except asyncio.CancelledError:
                with asking("GREETING" if self._wire.is_dialled else "CONNECT", protocol="EWS"):
                    raise

    async def secure(self) -> Negotiated | None:
        """Return what was negotiated; None where the URL is not https."""
        if self._tls_fault:
            raise self._tls_fault
        return None if self._endpoint.security is Security.NONE else self._wire.negotiated

    async def sign_in(self, credential: Credential) -> str:
        """Show the credential once, find the service where only a domain was given, and open the mailbox.

        Returns the mechanism.
        """
        require_sendable(credential)
        taste = self._taste
        assert taste is not None, "reach() and secure() come first"  # noqa: S101 - a fault of ours
        with asking("AUTHENTICATE", protocol="EWS"):
            try:
                self._mailbox, used = await self._wire.run(lambda: self._open(taste, credential))
            except MailError as error:
                raise masked(error, credential) from None
        return used

    async def open_folders(
        self,
        folders: Sequence[str],
        *,
        exclude: Sequence[str] = (),
        leaving: bool = False,  # noqa: ARG002 - HTTP knows no good-bye
    ) -> str:
        """Prove that each folder can be read; return a sentence with their counts and the server's version."""
        with asking("SELECT", protocol="EWS"):
            counts = await self._wire.run(lambda: self.mailbox.count(folders, exclude=exclude))
        told = [f"{name}: {count} messages" for name, count in counts.items()]
        return f"{', '.join(told)}; {self.mailbox.version}"

    async def find(self, header: str, value: str) -> list[Found]:
        """Return messages as `IncomingSession.find` says.

        Exchange finds no message by a header field of one's own; the test message carries its token in the subject.
        """
        with asking("SEARCH", protocol="EWS"):
            return await self._wire.run(lambda: self.mailbox.find(header, subject=value or TEST_SUBJECT))

    async def delete(self, found: Sequence[Found]) -> None:
        """Delete messages for good; one that has gone by itself is gone."""
        with asking("DELETE", protocol="EWS"):
            await self._wire.run(lambda: self.mailbox.delete([one.id for one in found]))

    async def judge_sender(self, address: str, *, recipient: str) -> bool:  # noqa: ARG002 - others need them
        """Return False: whether one may send shows when one does."""
        return False

    async def send(self, message: EmailMessage, *, sender: str, recipient: str) -> None:  # noqa: ARG002 - both stand in the message
        """Send a message, keeping no copy."""
        octets = message.as_bytes(policy=message.policy.clone(linesep="\r\n"))
        with asking("SEND", protocol="EWS"):
            await self._wire.run(lambda: self.mailbox.send(octets))

    async def run(self, call: Callable[[], T]) -> T:
        """Run a blocking call on `mailbox` in a thread; cancelled, it cuts the connections."""
        return await self._wire.run(call)

    def cut(self) -> None:
        """Break the connections: what runs on them ends in MailError."""
        self._wire.cut()

    async def close(self) -> None:
        """Close the connections; HTTP knows no good-bye."""
        self._wire.close()

    @property
    def mailbox(self) -> "EwsMailbox":
        """What was signed in to. Its calls block: `run` is for them."""
        assert self._mailbox is not None, "sign_in() comes first"  # noqa: S101 - a fault of ours
        return self._mailbox

    def _knock(self) -> "Taste":
        """Find somebody who asks for a credential: at the service, or where autodiscover may be."""
        from mailbox_operator.mail.ews.client import taste  # noqa: PLC0415 - in a thread, and only where it is used
        from mailbox_operator.mail.ews.discovery import find_autodiscover  # noqa: PLC0415 - the same

        endpoint = self._endpoint
        if not endpoint.path:
            return find_autodiscover(endpoint.host, door=self._door())
        scheme = "http" if endpoint.security is Security.NONE else "https"
        url = f"{scheme}://{in_url(endpoint.host)}:{endpoint.port}{endpoint.path}"
        return taste(url, wire=self._wire, tls=endpoint.tls, name_of=self._host)

    def _open(self, taste: "Taste", credential: Credential) -> "tuple[EwsMailbox, str]":
        from mailbox_operator.mail.ews.client import choose_auth, mechanism_of  # noqa: PLC0415 - the same
        from mailbox_operator.mail.ews.discovery import find_service, require_https  # noqa: PLC0415
        from mailbox_operator.mail.ews.mailbox import open_mailbox  # noqa: PLC0415

        if self._endpoint.path:
            door = self._door(choose_auth(credential, taste.offers))
            return open_mailbox(taste.url, address=self._address, door=door), mechanism_of(door)
        url, door = find_service(taste, address=self._address, credential=credential, door=self._door())
        require_https(url)
        return open_mailbox(url, address=self._address, door=door), mechanism_of(door)

    def _door(self, auth: "AuthBase | None" = None) -> "Door":
        from mailbox_operator.mail.ews.client import Door  # noqa: PLC0415 - the same

        return Door(wire=self._wire, tls=self._endpoint.tls, name_of=self._host, auth=auth)
