from dataclasses import replace

import pytest

from mailbox_operator.mail.credential import Credential, CredentialKind
from mailbox_operator.mail.endpoint import Endpoint, Protocol, Security
from mailbox_operator.mail.secret import Secret
from mailbox_operator.verification.model import Caution, Retirement, Side, Target
from mailbox_operator.verification.retirement import judge_retirement


def side(host: str, protocol: Protocol = Protocol.EWS, kind: CredentialKind = CredentialKind.PASSWORD) -> Side:
    endpoint = Endpoint(protocol=protocol, host=host, port=443, security=Security.TLS, path="/EWS/Exchange.asmx")
    return Side(endpoint=endpoint, credential=Credential(username="u", secret=Secret("s"), kind=kind))


def ends(protocol: Protocol | None, date: str, *, mechanism: str = "", note: str = "") -> Retirement:
    return Retirement(protocol=protocol, mechanism=mechanism, date=date, note=note)


def judged(one: Side, *announced: Retirement, mechanism: str = "") -> Caution | None:
    of = Target(address="a@b.example", incoming=one, outgoing=None, provider="hosting", retirements=announced)
    return judge_retirement(one, of=of, mechanism=mechanism)


@pytest.mark.parametrize("host", ["outlook.office365.com", "OUTLOOK.OFFICE365.COM.", "outlook.office365.us"])
def test_exchange_online_ends_its_web_services_and_the_dates_are_told(host: str) -> None:
    caution = judged(side(host))
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
    assert judged(kept) is None


@pytest.mark.parametrize("host", ["smtp.office365.com", "SMTP-Legacy.office365.com."])
def test_passwords_for_sending_through_exchange_online_end(host: str) -> None:
    caution = judged(side(host, Protocol.SMTP))
    assert caution is not None
    assert caution.type == "BasicSmtpRetirement"
    assert "2026-12-31" in caution.message


@pytest.mark.parametrize(
    ("one", "announced", "kind", "message"),
    [
        (
            side("mail.example", Protocol.POP3),
            ends(Protocol.POP3, "2027-06-30", note="use IMAP"),
            "ProtocolRetirement",
            "MailProvider hosting ends POP3 on 2027-06-30: use IMAP",
        ),
        (
            side("mail.example", Protocol.EWS),
            ends(Protocol.EWS, "2027-06-30"),
            "EWSRetirement",
            "MailProvider hosting ends EWS on 2027-06-30: move to another protocol that it offers",
        ),
        (
            side("mail.example", Protocol.SMTP),
            ends(None, "2027-06-30", mechanism="Basic"),
            "BasicSmtpRetirement",
            "MailProvider hosting ends the sign-in by password to SMTP on 2027-06-30: move to credentials.oauth",
        ),
        (
            side("mail.example", Protocol.IMAP),
            ends(Protocol.IMAP, "2027-06-30", mechanism="Basic", note="ask for a token"),
            "ProtocolRetirement",
            "MailProvider hosting ends the sign-in by password to IMAP on 2027-06-30: ask for a token",
        ),
    ],
)
def test_what_a_provider_ends_is_told_with_its_date_and_its_advice(
    one: Side, announced: Retirement, kind: str, message: str
) -> None:
    assert judged(one, announced) == Caution(type=kind, reason=kind, message=message)


@pytest.mark.parametrize(
    "kept",
    [
        side("mail.example", Protocol.IMAP),
        side("mail.example", Protocol.SMTP, CredentialKind.TOKEN),
        side("outlook.office365.com", Protocol.EWS),
    ],
)
def test_a_provider_that_ends_something_else_has_no_warning_nor_the_built_in_one(kept: Side) -> None:
    assert judged(kept, ends(Protocol.SMTP, "2027-06-30", mechanism="Basic")) is None


def test_what_ends_first_is_told() -> None:
    later, sooner = ends(Protocol.SMTP, "2028-01-01"), ends(Protocol.SMTP, "2027-01-01", mechanism="Basic")
    caution = judged(side("mail.example", Protocol.SMTP), later, sooner)
    assert caution is not None
    assert caution.type == "BasicSmtpRetirement"


@pytest.mark.parametrize(
    ("announced", "used", "told"),
    [
        (ends(Protocol.EWS, "2027-06-30", mechanism="NTLM"), "NTLM", "the sign-in by NTLM to EWS"),
        (ends(None, "2027-06-30", mechanism="NTLM"), "NTLM", "the sign-in by NTLM to EWS"),
        (ends(Protocol.EWS, "2027-06-30", mechanism="NTLM"), "Basic", ""),
        (ends(Protocol.IMAP, "2027-06-30", mechanism="NTLM"), "NTLM", ""),
        (ends(Protocol.EWS, "2027-06-30", mechanism="NTLM"), "", ""),
    ],
)
def test_a_mechanism_that_ends_concerns_who_has_signed_in_by_it(announced: Retirement, used: str, told: str) -> None:
    caution = judged(side("mail.example"), announced, mechanism=used)
    expected = (
        f"MailProvider hosting ends {told} on 2027-06-30: move to another credentials.mechanism that it offers"
        if told
        else None
    )
    assert (caution and caution.message) == expected
    assert (caution and caution.type) == (expected and "ProtocolRetirement")


def test_before_one_has_signed_in_the_mechanism_that_was_asked_for_counts() -> None:
    one = side("mail.example", Protocol.IMAP)
    asking = replace(one, credential=replace(one.credential, mechanism="CRAMMD5"))
    announced = ends(Protocol.IMAP, "2027-06-30", mechanism="CRAMMD5", note="write SCRAM")
    caution = judged(asking, announced)
    assert caution is not None
    assert caution.message == "MailProvider hosting ends the sign-in by CRAMMD5 to IMAP on 2027-06-30: write SCRAM"
    assert judged(asking, announced, mechanism="Plain") is None
