import pytest

from mailbox_operator.mail.endpoint import Endpoint, Protocol, Security
from mailbox_operator.verification.retirement import judge_retirement


def endpoint(host: str, protocol: Protocol = Protocol.EWS) -> Endpoint:
    return Endpoint(protocol=protocol, host=host, port=443, security=Security.TLS, path="/EWS/Exchange.asmx")


@pytest.mark.parametrize("host", ["outlook.office365.com", "OUTLOOK.OFFICE365.COM.", "outlook.office365.us"])
def test_exchange_online_ends_its_web_services_and_the_dates_are_told(host: str) -> None:
    caution = judge_retirement(endpoint(host))
    assert caution is not None
    assert caution.type == "EWSRetirement"
    assert "2026-10-01" in caution.message
    assert "2027-04-01" in caution.message


@pytest.mark.parametrize(
    "kept",
    [endpoint("exchange.corp.example"), endpoint("notoutlook.com"), endpoint("outlook.office365.com", Protocol.IMAP)],
)
def test_exchange_on_premises_and_other_protocols_do_not_end(kept: Endpoint) -> None:
    assert judge_retirement(kept) is None
