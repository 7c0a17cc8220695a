import pytest

from mailbox_operator.mail.credential import Credential, CredentialKind
from mailbox_operator.mail.endpoint import Endpoint, Protocol, Security
from mailbox_operator.mail.secret import Secret
from mailbox_operator.verification.model import Side
from mailbox_operator.verification.retirement import judge_retirement


def side(host: str, protocol: Protocol = Protocol.EWS, kind: CredentialKind = CredentialKind.PASSWORD) -> Side:
    endpoint = Endpoint(protocol=protocol, host=host, port=443, security=Security.TLS, path="/EWS/Exchange.asmx")
    return Side(endpoint=endpoint, credential=Credential(username="u", secret=Secret("s"), kind=kind))


@pytest.mark.parametrize("host", ["outlook.office365.com", "OUTLOOK.OFFICE365.COM.", "outlook.office365.us"])
def test_exchange_online_ends_its_web_services_and_the_dates_are_told(host: str) -> None:
    caution = judge_retirement(side(host))
    assert caution is not None
    assert caution.type == "EWSRetirement"
    assert "2026-10-01" in caution.message
    assert "2027-04-01" in caution.message


@pytest.mark.parametrize(
    "kept",
    [
        side("exchange.corp.example"),
        side("notoutlook.com"),
        side("outlook.office365.com", Protocol.IMAP),
        side("smtp.office365.com", Protocol.SMTP, CredentialKind.TOKEN),
        side("smtp.example.com", Protocol.SMTP),
    ],
)
def test_exchange_on_premises_tokens_and_other_protocols_do_not_end(kept: Side) -> None:
    assert judge_retirement(kept) is None


@pytest.mark.parametrize("host", ["smtp.office365.com", "SMTP-Legacy.office365.com."])
def test_passwords_for_sending_through_exchange_online_end(host: str) -> None:
    caution = judge_retirement(side(host, Protocol.SMTP))
    assert caution is not None
    assert caution.type == "BasicSmtpRetirement"
    assert "2026-12-31" in caution.message
