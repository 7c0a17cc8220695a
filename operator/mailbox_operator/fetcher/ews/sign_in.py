"""From nothing to a session with an Exchange mailbox: the credential once."""

from collections.abc import Awaitable, Callable
from typing import Final

from mailbox_operator.fetcher.ews.batches import BATCH_OCTETS
from mailbox_operator.fetcher.mounted_tls import endpoint_of
from mailbox_operator.fetcher.source import SourceContext, refused
from mailbox_operator.mail.credential import Credential
from mailbox_operator.mail.errors import Area, MailError
from mailbox_operator.mail.ews.session import EwsSession
from mailbox_operator.mail.secret import Secret

SignIn = Callable[[], Awaitable[EwsSession]]

GROWTH: Final = 2.5
"""How much larger an answer is than the largest message in it: base64, and what the server adds when it writes it anew."""
UNAUTHORISED: Final = frozenset({"401", "403"})
NO_ENTRY: Final = frozenset(
    {
        "ErrorAccessDenied",
        "ErrorAccountDisabled",
        "ErrorImpersonateUserDenied",
        "ErrorImpersonationDenied",
        "ErrorNonExistentMailbox",
        "ErrorPasswordExpired",
        "MechanismNotOffered",
    }
)


def sign_in_with(context: SourceContext, secret: Secret) -> SignIn:
    """Return what signs in, each time on connections of its own. It raises LoginRefusedError and MailError.

    The deadline is the caller's.
    """
    plan = context.plan
    most_octets = int(context.pipeline.fetch.max_message_size * GROWTH) + 2 * BATCH_OCTETS
    credential = Credential(username=plan.username, secret=secret, mechanism=plan.mechanism)

    async def sign_in() -> EwsSession:
        session = EwsSession(endpoint_of(plan), policy=context.policy, address=plan.address, most_octets=most_octets)
        try:
            await session.reach()
            await session.secure()
            await session.sign_in(credential)
        except MailError as error:
            await session.close()
            raise (refused(error) if _is_refusal(error) else error) from None
        except BaseException:
            await session.close()
            raise
        return session

    return sign_in


def _is_refusal(error: MailError) -> bool:
    return error.area is Area.EWS and (error.status in UNAUTHORISED or error.vendor_code in NO_ENTRY)
