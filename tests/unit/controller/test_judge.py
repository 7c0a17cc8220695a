from typing import Any

import pytest

from mailbox_operator.api.mailprovider import MailProviderSpec
from mailbox_operator.controller.judge import Judgement, judge
from mailbox_operator.controller.kinds import Key
from mailbox_operator.controller.outcome import Remedy, Status
from mailbox_operator.mail.endpoint import Protocol, Security
from unit.controller.builders import mailbox

PASSWORD = Key("Secret", "helpdesk", "support-password")


def judged(
    spec: dict[str, Any] | None = None,
    *,
    versions: dict[Key, str] | None = None,
    provider: MailProviderSpec | None = None,
    allow_insecure: bool = False,
) -> Judgement:
    there = {PASSWORD: "1"} if versions is None else versions
    return judge(mailbox(**(spec or {})), provider=provider, version_of=there.get, allow_insecure=allow_insecure)


def first_wrong(judgement: Judgement) -> tuple[str, str, str]:
    found = next(one for one in judgement.outcomes if one.remedy)
    assert (found.status, found.remedy) == (Status.FALSE, Remedy.PERSON)
    return found.type, found.reason, found.message


def test_a_good_mailbox_is_resolved() -> None:
    judgement = judged()
    assert judgement.chosen is not None
    assert [one.status for one in judgement.outcomes] == [Status.TRUE] * 4
    assert str(judgement.chosen.incoming) == "IMAP imap.example.com:993"
    assert judgement.chosen.outgoing is not None
    assert (judgement.chosen.outgoing.port, judgement.chosen.outgoing.security) == (587, Security.START_TLS)
    assert judgement.chosen.login.username == "support@example.com"


def test_what_is_not_implemented_is_named() -> None:
    kind, reason, message = first_wrong(judged({"capabilities": ["Mail", "Calendar"], "sharedMailbox": True}))
    assert (kind, reason) == ("SpecValid", "NotImplemented")
    assert "spec.capabilities: Calendar" in message
    assert "spec.sharedMailbox" in message


def test_an_insecure_wish_is_refused_unless_the_administrator_allows_it() -> None:
    spec = {"tls": {"insecureSkipVerify": True, "caConfigMapRef": None}}
    assert first_wrong(judged(spec))[1] == "InsecureNotAllowed"
    assert judged(spec, allow_insecure=True).chosen is not None


def test_a_missing_secret_is_named_and_later_steps_wait() -> None:
    judgement = judged(versions={})
    kind, reason, message = first_wrong(judgement)
    assert (kind, reason) == ("ReferencesResolved", "SecretNotFound")
    assert "support-password" in message
    assert judgement.chosen is None
    assert [one.reason for one in judgement.outcomes][2:] == ["BlockedByEarlierStep"] * 2


def test_a_missing_provider_is_named() -> None:
    kind, reason, message = first_wrong(judged({"providerRef": {"name": "hosted"}, "incoming": None}))
    assert (kind, reason) == ("ReferencesResolved", "ProviderNotFound")
    assert "hosted" in message


PROVIDER = MailProviderSpec.model_validate(
    {
        "incoming": [
            {"protocol": "Graph", "url": "https://graph.hosted.test"},
            {"protocol": "IMAP", "host": "imap.hosted.test"},
            {"protocol": "POP3", "host": "pop.hosted.test"},
        ],
        "outgoing": [{"protocol": "SMTP", "host": "smtp.hosted.test", "security": "StartTLS", "port": 2587}],
        "usernameForm": {"type": "Template", "template": "{domain}/{local}"},
    }
)


def test_a_provider_fills_in_what_the_spec_leaves_open() -> None:
    chosen = judged({"providerRef": {"name": "hosted"}, "incoming": None, "outgoing": None}, provider=PROVIDER).chosen
    assert chosen is not None
    assert (chosen.incoming.protocol, chosen.incoming.host) == (Protocol.IMAP, "imap.hosted.test")
    assert chosen.outgoing is not None
    assert (chosen.outgoing.host, chosen.outgoing.port) == ("smtp.hosted.test", 2587)
    assert chosen.login.username == "example.com/support"
    assert chosen.incoming.source == "Provider"


def test_the_spec_wins_over_the_provider_field_by_field() -> None:
    spec = {"providerRef": {"name": "hosted"}, "incoming": {"host": None, "security": "StartTLS"}, "outgoing": None}
    chosen = judged(spec, provider=PROVIDER).chosen
    assert chosen is not None
    assert (chosen.incoming.host, chosen.incoming.security) == ("imap.hosted.test", Security.START_TLS)
    assert chosen.incoming.port == 143


def test_a_rotated_secret_changes_the_inputs_and_nothing_else_does() -> None:
    before = judged().inputs
    assert judged({"suspend": True}).inputs == before
    assert judged(versions={PASSWORD: "2"}).inputs != before


def test_a_mailbox_is_woken_by_all_that_it_refers_to() -> None:
    found = judged(
        {
            "providerRef": {"name": "hosted"},
            "outgoing": {"credentials": {"passwordSecretRef": {"name": "other"}}},
            "tls": {"caConfigMapRef": None, "caSecretRef": {"name": "ca"}},
            "delivery": {"webhook": {"caSecretRef": {"name": "sink-ca"}}},
        }
    )
    assert {key.name for key in found.references} == {"support-password", "other", "ca", "sink-ca", "hosted"}


@pytest.mark.parametrize("kind", ["Mailbox"])
def test_a_key_reads_like_kubectl(kind: str) -> None:
    assert str(Key(kind, "ns", "a")) == "Mailbox ns/a"


def test_a_missing_volume_or_secret_of_the_sink_is_named() -> None:
    spec = {"delivery": {"webhook": None, "maildir": {"claimName": "scans"}}}
    kind, reason, message = first_wrong(judged(spec))
    assert (kind, reason) == ("ReferencesResolved", "PersistentVolumeClaimNotFound")
    assert "PersistentVolumeClaim scans in namespace helpdesk" in message
    assert judged(spec, versions={PASSWORD: "1", Key("PersistentVolumeClaim", "helpdesk", "scans"): "4"}).chosen
    signed = {"delivery": {"webhook": {"signingSecretRef": {"name": "sign"}}}}
    assert "Secret sign" in first_wrong(judged(signed))[2]


def test_what_only_the_sink_uses_asks_for_no_new_proof() -> None:
    spec = {"delivery": {"webhook": {"signingSecretRef": {"name": "sign"}}}}
    sign = Key("Secret", "helpdesk", "sign")
    before, after = (judged(spec, versions={PASSWORD: "1", sign: version}).inputs for version in "12")
    assert before == after
    assert sign in judged(spec).references


def test_of_what_a_provider_offers_the_first_is_taken() -> None:
    provider = PROVIDER.model_copy(update={"incoming": PROVIDER.incoming[::-1]})
    chosen = judged({"providerRef": {"name": "hosted"}, "incoming": None, "outgoing": None}, provider=provider).chosen
    assert chosen is not None
    assert (chosen.incoming.protocol, chosen.incoming.port) == (Protocol.POP3, 995)
    asked = {"providerRef": {"name": "hosted"}, "incoming": {"protocol": "IMAP", "host": None}}
    chosen = judged(asked, provider=provider).chosen
    assert chosen is not None
    assert chosen.incoming.host == "imap.hosted.test"
