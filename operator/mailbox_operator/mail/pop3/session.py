"""A POP3 session for proving and control: one login after another, since each sees the mail of its beginning only."""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime
from email.parser import BytesHeaderParser
from email.utils import parsedate_to_datetime
from time import monotonic
from typing import Final

from mailbox_operator.mail.credential import Credential
from mailbox_operator.mail.endpoint import Endpoint, Protocol
from mailbox_operator.mail.errors import Area, MailError
from mailbox_operator.mail.guard import AddressPolicy
from mailbox_operator.mail.pop3.login import Pop3Login
from mailbox_operator.mail.session import Found
from mailbox_operator.mail.tls import Negotiated

FOLDER: Final = "INBOX"
"""POP3 knows no folders: what it shows is called so."""
MOST_LOOKED_AT: Final = 50
"""Messages at once: the last ones."""
LARGEST_LOOKED_AT: Final = 64 * 1024
"""Octets: a message of ours is smaller, also with what servers add to it."""
LONGEST_DELAY: Final = 20
"""Seconds between two logins; a server that wants more (RFC 2449 section 6.5) lets nobody wait for a message."""
COME_AGAIN: Final = frozenset({"IN-USE", "LOGIN-DELAY"})
"""Response codes (RFC 2449 section 8.1) that a login soon after another can meet."""


class Pop3Session:
    """An `IncomingSession`: call `reach`, `secure`, `sign_in`, then the rest; `close` in any case."""

    def __init__(self, endpoint: Endpoint, *, policy: AddressPolicy) -> None:
        self._endpoint = endpoint
        self._policy = policy
        self._login = Pop3Login(endpoint, policy=policy)
        self._credential: Credential | None = None
        self._signed_in_at = 0.0
        self._delay = 0
        self._reading_removes = False
        """Whether to look at a header takes the whole message, and the server removes what was taken."""
        self._numbers: dict[bytes, int] | None = None
        """UIDL to number in the login that is open, if it has been looked at."""
        self._is_over = False
        self._known: set[bytes] = set()
        self._seen: dict[bytes, Found] = {}

    async def reach(self) -> None:
        """Connect, and read the greeting where it comes before TLS."""
        await self._login.connect()

    async def secure(self) -> Negotiated | None:
        """Speak TLS as asked, never less. Returns what was negotiated; None where no TLS is asked for."""
        return await self._login.secure()

    async def sign_in(self, credential: Credential) -> str:
        """Show the credential, once; each later look shows it again. Returns the mechanism."""
        used = await self._login.sign_in(credential)
        self._credential = credential
        self._signed_in_at = monotonic()
        return used

    async def open_folders(
        self,
        folders: Sequence[str],  # noqa: ARG002 - POP3 knows none
        *,
        exclude: Sequence[str] = (),  # noqa: ARG002
        leaving: bool = False,  # noqa: ARG002 - QUIT is waited for
    ) -> str:
        """Prove in the place of folders that messages can be told apart (UIDL), and say what the server lacks."""
        login = self._login
        count = _numbers(await login.ask("STAT"))[0]
        offered = await login.capabilities()
        self._delay = offered.login_delay
        self._reading_removes = offered.removes_what_was_read and not offered.top
        try:
            await login.ask("UIDL 1") if count else await login.ask_long("UIDL")
        except MailError as error:
            if error.status and not error.response_code:
                raise error.with_text(f"UIDL not supported: {error.text}") from None
            raise
        notes = [f"{FOLDER}: {count} messages"]
        if offered.known and not offered.top:
            notes.append("no TOP, so of a message over fetch.filter.maxMessageSize nothing is fetched")
        if offered.removes_what_was_read:
            notes.append("the server removes what was read (EXPIRE 0)")
        return "; ".join(notes)

    async def find(self, header: str, value: str) -> list[Found]:
        """Return small messages whose `header` holds `value`, as `IncomingSession` says, each time by a new login.

        After the first look only messages that have come since are looked at.
        """
        if self._delay > LONGEST_DELAY:
            raise _cannot_look(
                f"the server lets nobody in twice within {self._delay} s, so a test message cannot be waited for"
            )
        if self._reading_removes:
            raise _cannot_look(
                "the server removes what was read (EXPIRE 0) and has no TOP, so a test message cannot be looked for"
            )
        try:
            if self._is_over or self._numbers is not None:
                await self._come_again()
        except MailError as error:
            if error.response_code in COME_AGAIN:
                return []
            raise
        numbers = await self._list()
        await self._look_at(numbers, header)
        found = [one for uidl, one in self._seen.items() if uidl in numbers and value in one.value]
        if not found:  # the lock (RFC 1939 section 4) is not to be in the way of what we wait for
            await self._sign_off()
        return found

    async def delete(self, found: Sequence[Found]) -> None:
        """Delete messages that `find` has returned, and sign off: only that makes it come true (RFC 1939 section 6)."""
        if not found:
            return
        if self._is_over:
            await self._come_again()
        numbers = self._numbers if self._numbers is not None else await self._list()
        for one in found:
            if number := numbers.get(one.id.encode("latin-1")):
                await self._login.ask(f"DELE {number}")
        await self._sign_off()

    async def close(self) -> None:
        """Say good-bye, if the connection still serves for it, and close the socket."""
        await self._login.close()

    async def _come_again(self) -> None:
        """Sign in anew, no sooner than the server wants."""
        assert self._credential is not None, "sign_in() comes first"  # noqa: S101 - a fault of ours
        await self._login.close()
        await asyncio.sleep(self._signed_in_at + self._delay - monotonic())
        self._login, self._numbers, self._is_over = Pop3Login(self._endpoint, policy=self._policy), None, False
        await self._login.connect()
        await self._login.secure()
        await self.sign_in(self._credential)

    async def _sign_off(self) -> None:
        self._is_over = True
        await self._login.quit()

    async def _list(self) -> dict[bytes, int]:
        """Return UIDL to number (RFC 1939 section 7)."""
        pairs = (line.split()[:2] for line in await self._login.ask_long("UIDL"))
        self._numbers = {pair[1]: _number(pair[0]) for pair in pairs if len(pair) == 2}  # noqa: PLR2004 - a pair
        return self._numbers

    async def _look_at(self, numbers: dict[bytes, int], header: str) -> None:
        """Look at what is new among the last messages, at their headers only."""
        new = sorted((number, uidl) for uidl, number in numbers.items() if uidl not in self._known)
        self._known = set(numbers)
        top = (await self._login.capabilities()).top
        for number, uidl in new[-MOST_LOOKED_AT:]:
            size = _numbers(await self._login.ask(f"LIST {number}"))[1]
            if size <= LARGEST_LOOKED_AT:
                lines = await self._login.ask_long(f"TOP {number} 0" if top else f"RETR {number}")
                if seen := _found(uidl, lines, header):
                    self._seen[uidl] = seen


def _cannot_look(text: str) -> MailError:
    return MailError(text, area=Area.POLICY, protocol=Protocol.POP3)


def _found(uidl: bytes, lines: list[bytes], header: str) -> Found | None:
    """Return what a message's lines say, or None: it has no such header."""
    message = BytesHeaderParser().parsebytes(b"\r\n".join(lines))
    value = message.get(header)
    if value is None:
        return None
    received = datetime.now(UTC)
    with suppress(ValueError, OverflowError):  # whoever sends a message writes its date
        received = parsedate_to_datetime(str(message.get("Date", ""))).astimezone(UTC)
    return Found(id=uidl.decode("latin-1"), folder="", value=" ".join(str(value).split()), received=received)


def _numbers(answer: bytes) -> tuple[int, int]:
    """Return the two numbers of an answer to STAT or LIST; 0 for what is none."""
    words = answer.split()[1:3]
    first, second = (*words, b"", b"")[:2]
    return _number(first), _number(second)


def _number(word: bytes) -> int:
    return int(word) if word.isdigit() and len(word) <= 19 else 0  # noqa: PLR2004 - digits of 64 bits
