"""Mechanisms, by the examples of their RFCs."""

from base64 import b64decode, b64encode

import pytest

from mailbox_operator.mail.credential import Credential, CredentialKind
from mailbox_operator.mail.errors import Area, MailError, SaslError
from mailbox_operator.mail.sasl import Exchange, begin, choose, decoded, told
from mailbox_operator.mail.secret import Secret


def credential(
    username: str = "ada", secret: str = "secret", *, mechanism: str | None = None, token: bool = False
) -> Credential:
    kind = CredentialKind.TOKEN if token else CredentialKind.PASSWORD
    return Credential(username=username, secret=Secret(secret), kind=kind, mechanism=mechanism)


def exchange(name: str, who: Credential, *, nonce: str = "") -> Exchange:
    return begin(name, who, host="server.example.com", port=143, nonce=lambda: nonce)


@pytest.mark.parametrize(
    ("offered", "private", "chosen"),
    [
        ({"PLAIN", "LOGIN", "SCRAM-SHA-256"}, True, "PLAIN"),
        ({"LOGIN", "CRAM-MD5"}, True, "LOGIN"),
        ({"CRAM-MD5", "GSSAPI"}, True, "CRAM-MD5"),
        ({"PLAIN", "CRAM-MD5", "SCRAM-SHA-1"}, False, "SCRAM-SHA-1"),
        ({"PLAIN", "SCRAM-SHA-1", "SCRAM-SHA-256"}, False, "SCRAM-SHA-256"),
        ({"LOGIN"}, False, "LOGIN"),
    ],
)
def test_on_a_private_wire_the_password_is_shown_and_elsewhere_proven(
    offered: set[str],
    private: bool,  # noqa: FBT001 - pytest gives it by name
    chosen: str,
) -> None:
    assert choose(credential(), offered=offered, private=private) == chosen


def test_a_token_is_shown_by_the_mechanisms_for_tokens_only() -> None:
    token = credential(token=True)
    assert choose(token, offered={"PLAIN", "XOAUTH2", "OAUTHBEARER"}, private=True) == "XOAUTH2"
    assert choose(token, offered={"PLAIN", "OAUTHBEARER"}, private=True) == "OAUTHBEARER"
    with pytest.raises(SaslError, match="no mechanism for a token is offered: the server offers LOGIN, PLAIN"):
        choose(token, offered={"PLAIN", "LOGIN"}, private=True)
    with pytest.raises(SaslError, match="no mechanism for a password is offered: the server offers none"):
        choose(credential(), offered=set(), private=True)


def test_what_is_asked_for_is_done_or_told_to_be_missing() -> None:
    assert choose(credential(mechanism="CRAMMD5"), offered={"PLAIN", "CRAM-MD5"}, private=True) == "CRAM-MD5"
    assert choose(credential(mechanism="SCRAM"), offered={"PLAIN", "SCRAM-SHA-1"}, private=True) == "SCRAM-SHA-1"
    with pytest.raises(SaslError, match="mechanism SCRAM-SHA-256 is not offered: the server offers PLAIN"):
        choose(credential(mechanism="SCRAM"), offered={"PLAIN"}, private=True)
    with pytest.raises(SaslError, match="mechanism NTLM is not implemented"):
        choose(credential(mechanism="NTLM"), offered={"NTLM"}, private=True)


def test_plain_is_said_at_once() -> None:
    """RFC 4616 section 4."""
    talk = exchange("PLAIN", credential("tim", "tanstaaftanstaaf"))
    assert talk.initial == b"\0tim\0tanstaaftanstaaf"
    talk.conclude()
    with pytest.raises(SaslError, match="asks more of PLAIN"):
        talk.answer(b"what else?")


def test_login_answers_two_prompts_whatever_their_words() -> None:
    talk = exchange("LOGIN", credential("ada", "pässwörd"))
    assert talk.initial is None
    assert (talk.answer(b"Username:"), talk.answer(b"\xff")) == (b"ada", "pässwörd".encode())
    with pytest.raises(SaslError, match="asks more of LOGIN"):
        talk.answer(b"Password:")


def test_cram_md5_proves() -> None:
    """RFC 2195 section 2."""
    talk = exchange("CRAM-MD5", credential("tim", "tanstaaftanstaaf"))
    assert talk.initial is None
    challenge = b"<1896.697170952@postoffice.reston.mci.net>"
    assert talk.answer(challenge) == b"tim b913a602c7eda7a495b4e6e7334d3890"
    with pytest.raises(SaslError, match="asks more of CRAM-MD5"):
        talk.answer(challenge)


def test_xoauth2_shows_a_token() -> None:
    """Google's own example."""
    token = "ya29.vF9dft4qmTc2Nvb3RlckBhdHRhdmlzdGEuY29tCg"
    talk = exchange("XOAUTH2", credential("someuser@example.com", token, token=True))
    assert b64encode(talk.initial or b"") == (
        b"dXNlcj1zb21ldXNlckBleGFtcGxlLmNvbQFhdXRoPUJlYXJlciB5YTI5LnZGOWRmdDRxbVRjMk52YjNSbGNrQmhkSFJoZG1semRHRXVZMjl0Q2cBAQ=="
    )


def test_oauthbearer_shows_a_token() -> None:
    """RFC 7628 section 4.1."""
    token = "vF9dft4qmTc2Nvb3RlckBhbHRhdmlzdGEuY29tCg=="
    talk = exchange("OAUTHBEARER", credential("user@example.com", token, token=True))
    assert b64encode(talk.initial or b"") == (
        b"bixhPXVzZXJAZXhhbXBsZS5jb20sAWhvc3Q9c2VydmVyLmV4YW1wbGUuY29tAXBvcnQ9MTQzAWF1dGg9QmVhcmVyIHZGOWRmdDRxbVRjMk52"
        b"YjNSbGNrQmhiSFJoZG1semRHRXVZMjl0Q2c9PQEB"
    )
    talk = exchange("OAUTHBEARER", credential("a=b,c", token, token=True))
    assert (talk.initial or b"").startswith(b"n,a=a=3Db=2Cc,\x01")


@pytest.mark.parametrize(("name", "last"), [("XOAUTH2", b""), ("OAUTHBEARER", b"\x01")])
def test_a_challenge_after_a_token_is_the_refusal_told_in_json(name: str, last: bytes) -> None:
    talk = exchange(name, credential(token=True))
    reason = b'{"status":"invalid_token","scope":"https://mail.google.com/"}'
    assert talk.answer(reason) == last
    assert talk.refusal == reason.decode()
    error = told(talk, MailError("535 5.7.8 refused", area=Area.SMTP, status="535", enhanced_code="5.7.8"))
    assert error.text == f"535 5.7.8 refused: {reason.decode()}"
    assert (error.status, error.enhanced_code) == ("535", "5.7.8")
    with pytest.raises(SaslError, match="goes on after it has refused"):
        talk.answer(reason)


def test_a_refusal_without_a_challenge_stays_as_it_is() -> None:
    talk = exchange("PLAIN", credential())
    error = MailError("535 no", area=Area.SMTP)
    assert told(talk, error) is error


def test_a_prompt_in_plain_words_is_taken_as_it_is() -> None:
    assert decoded(b"VXNlcm5hbWU6") == b"Username:"
    assert decoded(b"Username:") == b"Username:"
    assert b64decode(b"") == decoded(b"") == b""


def test_a_mechanism_of_others_is_not_begun() -> None:
    with pytest.raises(SaslError, match="GSSAPI is not implemented"):
        exchange("GSSAPI", credential())
