"""Header fields out of a Secret."""

import pytest

from mailbox_operator.fetcher.webhook.extra_fields import FIELDS, ExtraFieldError, render_extra_fields


def test_keys_are_names_and_values_are_values() -> None:
    fields = render_extra_fields({"X-Team": b"support\n", "Authorization": b"Bearer a.b-c=="})
    assert fields == b"Authorization: Bearer a.b-c==\r\nX-Team: support\r\n"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("X-Split", b"one\r\nX-Injected: secret-two"),
        ("X-Nul", b"secret\0"),
        ("X-Empty", b" \n"),
        ("Content-Length", b"7"),
        ("transfer-encoding", b"chunked"),
        ("Ce-Id", b"another"),
        ("webhook-signature", b"v1,x"),
        ("with space", b"secret"),
        ("X-Long", b"s" * 9000),
    ],
)
def test_what_cannot_be_sent_is_refused_by_name_and_never_by_value(name: str, value: bytes) -> None:
    with pytest.raises(ExtraFieldError) as refused:
        render_extra_fields({name: value})
    assert name in str(refused.value)
    assert "secret" not in str(refused.value)


def test_their_number_is_bounded() -> None:
    with pytest.raises(ExtraFieldError):
        render_extra_fields({f"X-{number}": b"v" for number in range(FIELDS + 1)})
