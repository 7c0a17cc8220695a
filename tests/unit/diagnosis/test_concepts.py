"""What a text is about is read from it whichever words it takes, clause by clause."""

import re

import pytest

from mailbox_operator.diagnosis.concepts import clauses_of, vocabulary


@pytest.mark.parametrize(
    "text",
    ["couldn't sign in", "Login failed", "Unable to authenticate", "Fehler: Anmeldung", "the password had a problem"],
)
def test_other_words_are_the_same_concepts(text: str) -> None:
    assert {"login", "failed"} <= frozenset().union(*clauses_of(text))


@pytest.mark.parametrize(
    ("text", "clauses"),
    [
        ("mailbox is full: retry timeout exceeded", [{"mailbox", "full"}, {"silent"}]),
        ("Sender rejected. The connection was closed", [{"sender", "refused"}, {"connection", "closed"}]),
        ("the mechanism isn't supported (by this server)", [{"mechanism", "unsupported"}, {"server"}]),
    ],
)
def test_what_is_said_is_said_within_its_clause(text: str, clauses: list[set[str]]) -> None:
    assert [set(clause) for clause in clauses_of(text) if clause] == clauses


@pytest.mark.parametrize(
    ("text", "concepts"),
    [
        ("access token", {"token"}),
        ("login method", {"mechanism"}),
        ("auth server", {"authenticator"}),
        ("not found", {"missing"}),
        ("unexpected token", {"parsing", "wrong"}),
    ],
)
def test_a_phrase_is_read_as_one_and_once(text: str, concepts: set[str]) -> None:
    assert [set(clause) for clause in clauses_of(text)] == [concepts]


@pytest.mark.parametrize(
    "place",
    [
        "at com.sun.mail.smtp.SMTPTransport.openServer(SMTPTransport.java:1934)",
        "/usr/share/perl5/Mail/Sender.pm",
        "{mail.example.com:993}INBOX",
    ],
)
def test_where_a_program_stood_tells_nothing(place: str) -> None:
    assert clauses_of(place) == (frozenset(),)


def test_each_entry_can_be_read() -> None:
    for means, words in vocabulary():
        assert means
        assert re.compile(words, re.IGNORECASE).search("") is None
