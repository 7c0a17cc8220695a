"""Signatures, judged by the reference library of Standard Webhooks."""

from base64 import b64encode
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from mailbox_operator.fetcher.webhook.signing import Signer, SigningKeyError

KEY = b64encode(b"k" * 32).decode()
NEXT = b64encode(b"n" * 24).decode()
BODY = b'{"subject": "Gr\xc3\xbc\xc3\x9fe"}'


def fields_of(octets: bytes) -> dict[str, str]:
    lines = octets.decode().split("\r\n")
    assert lines.pop() == ""
    return dict(line.split(": ", 1) for line in lines)


def signed(keys: bytes, *body: bytes) -> dict[str, str]:
    now = int(datetime.now(UTC).timestamp())
    return fields_of(Signer(keys).render_fields(b"msg_1", timestamp=now, body=body))


def test_the_reference_library_accepts_a_signature() -> None:
    assert Webhook(f"whsec_{KEY}").verify(BODY, signed(f"whsec_{KEY}\n".encode(), BODY)) == {"subject": "Grüße"}


def test_it_refuses_that_of_another_body() -> None:
    with pytest.raises(WebhookVerificationError):
        Webhook(f"whsec_{KEY}").verify(BODY + b" ", signed(KEY.encode(), BODY))


@pytest.mark.parametrize("key", [KEY, NEXT])
def test_while_a_key_is_rotated_both_receivers_are_content(key: str) -> None:
    fields = signed(f"whsec_{NEXT} whsec_{KEY}".encode(), BODY)
    assert Webhook(key).verify(BODY, fields)


@given(st.lists(st.binary(max_size=50), max_size=5))
def test_a_body_in_pieces_is_signed_as_the_whole(pieces: list[bytes]) -> None:
    signer = Signer(KEY.encode())
    whole = signer.render_fields(b"m", timestamp=5, body=(b"".join(pieces),))
    assert signer.render_fields(b"m", timestamp=5, body=pieces) == whole


@pytest.mark.parametrize("text", [b"", b"whsec_!", b"whsec_c2hvcnQ=", b"whsk_" + KEY.encode(), KEY.encode() * 3])
def test_what_is_no_key_is_refused_and_not_repeated(text: bytes) -> None:
    with pytest.raises(SigningKeyError) as refused:
        Signer(text)
    assert not text or text.decode() not in str(refused.value)
