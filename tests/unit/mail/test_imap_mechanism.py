"""AUTHENTICATE or LOGIN."""

import pytest

from mailbox_operator.mail.errors import MailError, SaslError
from mailbox_operator.mail.imap.mechanism import choose_for_imap
from unit.mail.test_sasl import credential


@pytest.mark.parametrize(
    ("capabilities", "password", "chosen"),
    [
        ({"IMAP4REV1", "AUTH=PLAIN"}, "secret", "PLAIN"),
        ({"IMAP4REV1"}, "secret", None),
        ({"AUTH=LOGIN"}, "secret", None),
        ({"AUTH=LOGIN"}, "pässwörd", "LOGIN"),
        ({"AUTH=LOGIN", "LOGINDISABLED"}, "secret", "LOGIN"),
        ({"AUTH=CRAM-MD5", "LOGINDISABLED"}, "secret", "CRAM-MD5"),
    ],
)
def test_what_the_server_takes_is_chosen(capabilities: set[str], password: str, chosen: str | None) -> None:
    assert choose_for_imap(credential(secret=password), capabilities=capabilities, private=True) == chosen


def test_where_nobody_may_sign_in_nothing_is_shown() -> None:
    with pytest.raises(MailError) as caught:
        choose_for_imap(credential(), capabilities={"LOGINDISABLED"}, private=False)
    assert caught.value.response_code == "PRIVACYREQUIRED"
    with pytest.raises(SaslError, match="no mechanism for a password"):
        choose_for_imap(credential(), capabilities={"LOGINDISABLED", "AUTH=GSSAPI"}, private=True)


def test_login_takes_ascii_only_and_says_so() -> None:
    with pytest.raises(MailError, match="ASCII only"):
        choose_for_imap(credential(secret="pässwörd"), capabilities=set(), private=True)
