"""How a context is made from the options, and what a failed handshake becomes."""

import ssl

import pytest

from mailbox_operator.mail.endpoint import TlsOptions
from mailbox_operator.mail.errors import Area, MailError
from mailbox_operator.mail.tls import client_context, http1_context, tls_error


def test_certificates_are_verified_unless_switched_off() -> None:
    context = client_context(TlsOptions())
    assert context.verify_mode is ssl.CERT_REQUIRED
    assert context.check_hostname
    assert context.minimum_version is ssl.TLSVersion.TLSv1_2
    lax = client_context(TlsOptions(insecure_skip_verify=True))
    assert lax.verify_mode is ssl.CERT_NONE


def test_the_minimum_version_can_be_raised() -> None:
    assert client_context(TlsOptions(minimum_version="TLSv1.3")).minimum_version is ssl.TLSVersion.TLSv1_3


def test_equal_options_share_a_context() -> None:
    assert client_context(TlsOptions()) is client_context(TlsOptions())


@pytest.mark.parametrize(
    "pem", ["", " \n", "nonsense", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", "ünlesbar"]
)
def test_a_bundle_that_cannot_be_read_is_said_to_be_so(pem: str) -> None:
    with pytest.raises(MailError, match="CA bundle cannot be read") as caught:
        client_context(TlsOptions(ca_pem=pem))
    assert caught.value.area is Area.TLS


def test_a_protocol_offered_is_offered_by_that_context_alone() -> None:
    assert http1_context(TlsOptions()) is http1_context(TlsOptions())
    assert http1_context(TlsOptions()) is not client_context(TlsOptions()), "which mail servers see"


def test_a_fault_that_python_knows_by_its_words_only_has_the_name_that_openssl_gives_it() -> None:
    fault = ssl.SSLError(1, "[SSL] tlsv1 alert no application protocol (_ssl.c:1006)")
    fault.reason = None  # type: ignore[assignment]  # as it comes
    assert tls_error(fault, host="x").vendor_code == "TLSV1_ALERT_NO_APPLICATION_PROTOCOL"


def test_a_connection_cut_in_the_handshake_is_no_fault_of_the_certificate() -> None:
    error = tls_error(ConnectionResetError(104, "Connection reset by peer"), host="mail.test")
    assert error.area is Area.TCP
    assert error.text == "mail.test: Connection reset by peer during the TLS handshake"
