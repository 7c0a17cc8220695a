"""One way to sign in is chosen, and nothing is shown where none would do."""

import pytest

from mailbox_operator.mail.credential import Credential, CredentialKind
from mailbox_operator.mail.errors import Area, MailError
from mailbox_operator.mail.pop3.capability import UNKNOWN, Capabilities
from mailbox_operator.mail.pop3.mechanism import USER, choose_mechanism
from mailbox_operator.mail.secret import Secret

DOVECOT = Capabilities(known=True, user=True, sasl=frozenset({"PLAIN", "LOGIN"}))


def credential(mechanism: str | None = None, kind: CredentialKind = CredentialKind.PASSWORD) -> Credential:
    return Credential(username="u", secret=Secret("p"), kind=kind, mechanism=mechanism)


@pytest.mark.parametrize(
    ("asked", "offered", "chosen"),
    [
        (None, DOVECOT, "PLAIN"),
        (None, UNKNOWN, USER),
        (None, Capabilities(known=True, user=True), USER),
        (None, Capabilities(known=True, user=True, sasl=frozenset({"GSSAPI"})), USER),
        (None, Capabilities(known=True, sasl=frozenset({"CRAM-MD5"})), "CRAM-MD5"),
        ("Plain", DOVECOT, "PLAIN"),
        ("Login", DOVECOT, "LOGIN"),
        ("Login", UNKNOWN, USER),
        ("CRAMMD5", Capabilities(known=True, user=True, sasl=frozenset({"CRAM-MD5"})), "CRAM-MD5"),
    ],
)
def test_what_is_offered_and_asked_for_is_chosen(asked: str | None, offered: Capabilities, chosen: str) -> None:
    assert choose_mechanism(credential(asked), offered=offered, private=True) == chosen


def test_a_token_is_never_shown_as_a_password() -> None:
    with pytest.raises(MailError) as caught:
        choose_mechanism(credential(kind=CredentialKind.TOKEN), offered=DOVECOT, private=True)
    assert caught.value.area is Area.POLICY


def test_what_was_asked_for_is_not_replaced() -> None:
    with pytest.raises(MailError, match="CRAM-MD5 is not offered"):
        choose_mechanism(credential("CRAMMD5"), offered=DOVECOT, private=True)


def test_a_server_that_takes_no_login_before_tls_is_understood() -> None:
    with pytest.raises(MailError) as caught:
        choose_mechanism(credential(), offered=Capabilities(known=True, stls=True), private=False)
    assert caught.value.response_code == "PRIVACYREQUIRED"
