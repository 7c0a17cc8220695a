"""Where messages come from: the seam that each source implements. `sources.py` picks one."""

from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from mailbox_operator.diagnosis.finding import Finding
from mailbox_operator.fetcher.pipeline import Pipeline
from mailbox_operator.fetcher.plan import Source as SourcePlan
from mailbox_operator.mail.errors import MailError
from mailbox_operator.mail.guard import AddressPolicy
from mailbox_operator.mail.head_start import HeadStart
from mailbox_operator.mail.secret import Secret
from mailbox_operator.values import dataclass


class LoginRefusedError(MailError):
    """The server refused the credential. It is not shown again until it changes."""


def refused(error: MailError) -> LoginRefusedError:
    """Return the same evidence, as a refusal of the credential."""
    return LoginRefusedError(
        error.text,
        area=error.area,
        protocol=error.protocol,
        command=error.command,
        status=error.status,
        response_code=error.response_code,
        vendor_code=error.vendor_code,
        headers=error.headers,
    )


class HeldBackError(Exception):
    """The valve has been closed for so long that the session should end."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceContext:
    """What a source is made of."""

    plan: SourcePlan
    policy: AddressPolicy
    spool_folder: Path
    pipeline: Pipeline
    """Takes what is fetched, and says what is wanted (`fetch`) and when (`valve`)."""
    chance: Callable[[], float]
    """From [0, 1), for back-off."""
    silence: float
    """Seconds without a word after which a server that owes an answer counts as gone."""
    head_start: HeadStart | None = None
    """A connection to the server that was begun already."""


class Source(Protocol):
    """Fetches until it is cancelled. It announces messages to the folder's ledger, then hands them to the pipeline."""

    @property
    def signed_in(self) -> bool:
        """Whether the server let it in at least once."""

    @property
    def refused(self) -> Finding | None:
        """Why the login was refused; the credential has not changed since."""

    @property
    def fault(self) -> Finding | None:
        """Why it fails, if it failed more than once in a row."""

    def look(self) -> None:
        """See whether the credential has changed; called each second."""

    async def run(self) -> None:
        """Fetch for ever, whatever happens."""

    async def run_once(self) -> Finding | None:
        """Fetch what is there, wait until it is settled, and do what is due on the server. Returns what prevented it."""


class Session(Protocol):
    """One sign-in of a source; `sessions.py` makes a Source of it."""

    async def run(self, *, once: bool) -> None:
        """Fetch; with `once` until all that is there is settled, else for ever. Raises MailError, HeldBackError."""

    def abort(self, fault: MailError) -> None:
        """End `run` at once, in `fault`."""

    async def close(self) -> None:
        """Say good-bye where the server still listens, and close; the deadline is the caller's."""


class OpenSession(Protocol):
    """Signs in."""

    async def __call__(self, credential: Secret) -> Session:
        """Return a signed-in session; the deadline is the caller's. Raises LoginRefusedError, MailError."""
