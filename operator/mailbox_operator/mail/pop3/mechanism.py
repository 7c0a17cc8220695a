"""How to sign in over POP3: one way, chosen before anything of the credential is shown."""

from typing import Final

from mailbox_operator.mail.credential import Credential, CredentialKind
from mailbox_operator.mail.errors import Area, MailError, SaslError
from mailbox_operator.mail.pop3.capability import Capabilities
from mailbox_operator.mail.sasl import choose

USER: Final = "USER"
"""The commands USER and PASS (RFC 1939 section 7); every other name is one of SASL."""


def needs_utf8(credential: Credential, *, offered: Capabilities) -> bool:
    """Whether UTF8 goes before USER (RFC 6856 section 2.1): the name or the password is not ASCII, and the server has it.

    A server that has not is shown UTF-8 all the same: many compare octets. One that says `UTF8 USER` would do without
    the command, and one that refuses it may still take what follows.
    """
    shown = f"{credential.username}{credential.secret.reveal()}"
    return offered.utf8 and not shown.isascii()


def choose_mechanism(credential: Credential, *, offered: Capabilities, private: bool) -> str:
    """Return `USER` or the name of a SASL mechanism; `private` as `sasl.choose` has it. Raises MailError."""
    takes_user = offered.user or not offered.known
    may_use_user = credential.kind is CredentialKind.PASSWORD and credential.mechanism in (None, "Login")
    try:
        return choose(credential, offered=offered.sasl, private=private)
    except SaslError as error:
        if may_use_user and takes_user:
            return USER
        if (offered.stls or not private) and not offered.sasl and not takes_user:
            raise MailError(
                "neither USER nor SASL is advertised without TLS", area=Area.POP3, response_code="PRIVACYREQUIRED"
            ) from None
        raise MailError(str(error), area=Area.POLICY) from None
