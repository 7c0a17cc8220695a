"""Which causes are likely, going by all that is said."""

import pytest

from mailbox_operator.diagnosis.clues import Clues, clues_of
from mailbox_operator.diagnosis.concepts import vocabulary
from mailbox_operator.diagnosis.evidence import Evidence
from mailbox_operator.diagnosis.finding import Retry
from mailbox_operator.diagnosis.likelihood import WEIGHTS, likeliest, likeliest_retry, likelihoods, likelihoods_with
from mailbox_operator.diagnosis.reasons import reasons
from mailbox_operator.diagnosis.rules import Rank, rules
from support.learning import learn, render_weights


def said(text: str, area: str = "") -> Clues:
    return clues_of(Evidence(text=text, area=area))


def test_causes_are_known_reasons_and_together_certain() -> None:
    found = likelihoods(said("login failed"))
    assert found.keys() <= reasons().keys()
    assert sum(found.values()) == pytest.approx(1)


def test_a_fault_of_the_network_is_none_of_a_credential() -> None:
    assert "CredentialsInvalid" in likelihoods(said("login failed", "imap"))
    assert "CredentialsInvalid" not in likelihoods(said("login failed", "tcp"))


@pytest.mark.parametrize(("text", "area"), [("Wibble wobble", "imap"), ("it failed", "webhook"), ("", "")])
def test_nothing_is_likely_where_no_word_is_known_or_nothing_was_learned(text: str, area: str) -> None:
    assert likelihoods(said(text, area)) == {}


def test_a_rule_makes_its_causes_likelier() -> None:
    rule = next(rule for rule in rules() if rule.rank == Rank.WORDS and rule.causes == {"MailboxFull"})
    alone = likelihoods(said("login failed", "imap"))
    assert likelihoods_with(alone, told=rule)["MailboxFull"] > 10 * alone["MailboxFull"]


@pytest.mark.parametrize(
    ("found", "named"),
    [
        ({"A": 0.9, "B": 0.1}, ("A",)),
        ({"A": 0.2, "B": 0.6, "C": 0.2}, ("B", "A")),
        ({"A": 0.3, "B": 0.25, "C": 0.2, "D": 0.15, "E": 0.1}, ("A", "B", "C")),
        (dict.fromkeys("ABCDEFGHIJ", 0.1), ()),
        ({}, ()),
    ],
)
def test_as_few_causes_are_named_as_are_likely_enough(found: dict[str, float], named: tuple[str, ...]) -> None:
    assert likeliest(found) == named


def test_whether_to_try_again_is_what_most_likely_helps() -> None:
    found = {"CredentialsInvalid": 0.4, "ConnectionClosed": 0.3, "ConnectionReset": 0.3}
    assert likeliest_retry(found) is Retry.BACKOFF


def test_what_divides_the_texts_is_learned_always_alike() -> None:
    rows = [(["red", "x"], ["Apple"]), (["red", "y"], ["Apple"]), (["blue", "x"], ["Plum"]), (["blue", "y"], ["Plum"])]
    causes, weights = learn(rows)
    assert causes == ["Apple", "Plum"]
    assert weights["red"][0] > 0.5 > -0.5 > weights["red"][1]
    assert abs(weights["x"][0]) < 0.2
    assert learn(rows) == (causes, weights)


def test_the_weights_are_what_is_learned_now_and_small() -> None:
    assert WEIGHTS.read_text() == render_weights(), "run `make generate`"
    assert WEIGHTS.stat().st_size < 200_000


def test_each_concept_tells_something() -> None:
    known = frozenset().union(*(means for means, _ in vocabulary()))
    learned = WEIGHTS.read_text()
    assert [concept for concept in sorted(known) if f'"@{concept}"' not in learned] == []
