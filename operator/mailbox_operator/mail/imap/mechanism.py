"""How an IMAP server is shown a credential: by AUTHENTICATE and a mechanism, or by the command LOGIN. Pure."""

from collections.abc import Collection
from typing import Final

from mailbox_operator.mail.credential import Credential
from mailbox_operator.mail.errors import Area, MailError
from mailbox_operator.mail.sasl import choose

ASCII_ONLY: Final = "LOGIN takes ASCII only; the server offers no AUTHENTICATE PLAIN"


def choose_for_imap(credential: Credential, *, capabilities: Collection[str], private: bool) -> str | None:
    """Return a mechanism's name, or None: the command LOGIN (RFC 3501 section 6.2.3).

    Args:
        credential: what is to be shown.
        capabilities: of the server, in upper case.
        private: as for `sasl.choose`.

    Raises:
        MailError: the server lets nobody sign in here, or LOGIN cannot say the credential.
        SaslError: no mechanism fits.
    """
    offered = {name.removeprefix("AUTH=") for name in capabilities if name.startswith("AUTH=")}
    can_log_in = "LOGINDISABLED" not in capabilities
    if not offered and not can_log_in:
        raise MailError("LOGINDISABLED is advertised", area=Area.IMAP, response_code="PRIVACYREQUIRED")
    name = choose(credential, offered=offered | ({"LOGIN"} if can_log_in else set()), private=private)
    is_ascii = (credential.username + credential.secret.reveal()).isascii()
    if name != "LOGIN" or (name in offered and not (can_log_in and is_ascii)):
        return name
    if not is_ascii:
        raise MailError(ASCII_ONLY, area=Area.POLICY)
    return None
