"""SCRAM, by the examples of RFC 5802 and RFC 7677, and against servers that are not what they claim to be."""

import hashlib
import hmac
from base64 import b64encode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailbox_operator.mail.errors import SaslError
from mailbox_operator.mail.sasl import begin
from mailbox_operator.mail.scram import Scram
from unit.mail.test_sasl import credential

SHA_1 = (
    "SCRAM-SHA-1",
    "fyko+d2lbbFgONRv9qkxdawL",
    b"r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,s=QSXCR+Q6sek8bf92,i=4096",
    b"c=biws,r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,p=v0X8v3Bz2T0CJGbJQyF0X+HI4Ts=",
    b"v=rmF9pqV8S7suAoZWja4dJRkFsKQ=",
)
SHA_256 = (
    "SCRAM-SHA-256",
    "rOprNGfwEbeRWgbNEkqO",
    b"r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096",
    b"c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=",
    b"v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=",
)
EXAMPLES = pytest.mark.parametrize(("name", "nonce", "first", "proof", "final"), [SHA_1, SHA_256])


def scram(name: str = SHA_256[0], nonce: str = SHA_256[1], password: str = "pencil") -> Scram:
    return Scram(name, username="user", password=password, nonce=nonce)


@EXAMPLES
def test_both_sides_prove_that_they_know_the_password(
    name: str, nonce: str, first: bytes, proof: bytes, final: bytes
) -> None:
    talk = scram(name, nonce)
    assert talk.initial == b"n,,n=user,r=" + nonce.encode()
    assert talk.answer(first) == proof
    assert talk.answer(final) == b""
    talk.conclude()


@EXAMPLES
def test_a_server_that_does_not_know_the_password_is_not_believed(
    name: str, nonce: str, first: bytes, proof: bytes, final: bytes
) -> None:
    talk = scram(name, nonce, password="another")
    assert talk.answer(first) != proof
    with pytest.raises(SaslError, match="does not know the password"):
        talk.answer(final)
    with pytest.raises(SaslError, match="did not prove"):
        talk.conclude()


def test_a_server_that_says_yes_too_soon_is_not_believed() -> None:
    talk = scram()
    with pytest.raises(SaslError, match="did not prove"):
        talk.conclude()
    talk.answer(SHA_256[2])
    with pytest.raises(SaslError, match="did not prove"):
        talk.conclude()


def test_a_refusal_is_kept() -> None:
    talk = scram()
    talk.answer(SHA_256[2])
    assert talk.answer(b"e=invalid-proof") == b""
    assert talk.refusal == "invalid-proof"
    with pytest.raises(SaslError, match="did not prove"):
        talk.conclude()
    with pytest.raises(SaslError, match="asks more"):
        talk.answer(b"e=again")


@pytest.mark.parametrize(
    ("first", "says"),
    [
        (b"r=another,s=QSXCR+Q6sek8bf92,i=4096", "foreign nonce"),
        (b"r=rOprNGfwEbeRWgbNEkqO,s=QSXCR+Q6sek8bf92,i=4096", "foreign nonce"),
        (b"r=rOprNGfwEbeRWgbNEkqOx,s=QSXCR+Q6sek8bf92,i=1", "asks for 1 rounds"),
        (b"r=rOprNGfwEbeRWgbNEkqOx,s=QSXCR+Q6sek8bf92,i=999999999", "rounds, not 4096 to 600000"),
        (b"r=rOprNGfwEbeRWgbNEkqOx,s=QSXCR+Q6sek8bf92,i=many", "no SCRAM"),
        (b"r=rOprNGfwEbeRWgbNEkqOx,s=?,i=4096", "no SCRAM"),
        (b"m=ext,r=rOprNGfwEbeRWgbNEkqOx,s=QSXCR+Q6sek8bf92,i=4096", "extension"),
        (b"\xff\xfe", "no SCRAM"),
        (b"", "no SCRAM"),
    ],
)
def test_a_first_message_that_is_none_is_refused(first: bytes, says: str) -> None:
    with pytest.raises(SaslError, match=says):
        scram().answer(first)


@given(st.lists(st.binary(max_size=200), max_size=4))
def test_garbage_is_an_error_and_never_a_yes(challenges: list[bytes]) -> None:
    talk = scram()
    try:
        for challenge in challenges:
            talk.answer(challenge)
    except SaslError:
        pass
    with pytest.raises(SaslError):
        talk.conclude()


def test_names_and_passwords_that_look_alike_are_one() -> None:
    """RFC 4013; RFC 5802 section 5.1 for the comma and the equals sign."""
    talk = Scram("SCRAM-SHA-256", username="a,b=c", password="x", nonce="n")
    assert talk.initial == b"n,,n=a=2Cb=3Dc,r=n"
    first = b"r=n1,s=QSXCR+Q6sek8bf92,i=4096"
    one, other = (
        Scram("SCRAM-SHA-1", username="u", password=text, nonce="n") for text in ("p\u00e4\u2168", "pa\u0308IX")
    )
    assert one.answer(first) == other.answer(first)
    with pytest.raises(SaslError, match="SASLprep prohibits"):
        Scram("SCRAM-SHA-1", username="u", password="\ue000", nonce="n")


def test_each_exchange_has_a_nonce_of_its_own() -> None:
    one, other = (begin("SCRAM-SHA-256", credential(), host="h", port=1).initial for _ in range(2))
    assert one != other


@given(st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=20))
def test_a_server_that_follows_the_rfc_agrees(password: str) -> None:
    """The other side, written from RFC 5802 section 3, with the password as it was normalised."""
    from mailbox_operator.mail.saslprep import saslprep  # noqa: PLC0415 - as the module itself does

    try:
        talk = Scram("SCRAM-SHA-256", username="u", password=password, nonce="n")
    except SaslError:
        return
    first = f"r=n1,s={b64encode(b'salt').decode()},i=4096"
    proof = talk.answer(first.encode()).decode()
    salted = hashlib.pbkdf2_hmac("sha256", saslprep(password).encode(), b"salt", 4096)
    server_key = hmac.digest(salted, b"Server Key", "sha256")
    heard = f"n=u,r=n,{first},{proof.rpartition(',')[0]}"
    signature = hmac.digest(server_key, heard.encode(), "sha256")
    assert talk.answer(b"v=" + b64encode(signature)) == b""
    talk.conclude()
