"""What is learned of is the words, what they stand for, and who said them of what: nothing that belongs to one reply."""

from mailbox_operator.diagnosis.clues import clues_of
from mailbox_operator.diagnosis.evidence import Evidence
from mailbox_operator.diagnosis.features import features_of


def test_words_their_neighbours_and_concepts_are_features_once_each() -> None:
    found = features_of(clues_of(Evidence(text="LoginFailed: login failed", area="imap", command="LOGIN")))
    assert {"login", "failed", "login failed", "@login", "@failed", "@failed+login", "command AUTHENTICATE"} <= {*found}
    assert len(found) == len(set(found))


def test_concepts_of_two_clauses_are_no_pair() -> None:
    found = features_of(clues_of(Evidence(text="mailbox is full: retry timeout exceeded")))
    assert "@full+mailbox" in found
    assert "@full+silent" not in found


def test_status_and_codes_are_features() -> None:
    found = features_of(clues_of(Evidence(text="535 5.7.8 no", area="smtp")))
    assert {"status 535", "status 5XX", "code 5.7.8", "code X.7.8", "area smtp+starttls"} <= {*found}


def test_ids_and_ports_are_all_the_same() -> None:
    assert features_of(clues_of(Evidence(text="id 12345 gone"))) == features_of(
        clues_of(Evidence(text="id 98765 gone"))
    )
