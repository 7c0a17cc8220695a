"""Names of files: what they tell, and that a repeat is seen."""

from mailbox_operator.fetcher.ids import Uid, UidValidity
from mailbox_operator.fetcher.maildir.name import Names, render_name
from mailbox_operator.fetcher.message import MessageKey

KEYS: list[MessageKey] = [
    ("INBOX", UidValidity(3), Uid(7)),
    ("INBOX", UidValidity(3), Uid(8)),
    ("INBOX", UidValidity(4), Uid(7)),
    ("Sent", UidValidity(3), Uid(7)),
    ("INBOX", None, "7"),
    ("INBOX", None, "../7: x"),
]


def test_the_same_message_has_the_same_name_and_another_has_another() -> None:
    names, again = Names("uid-1"), Names("uid-1")
    assert len({names.middle(key) for key in KEYS}) == len(KEYS)
    assert [again.middle(key) for key in reversed(KEYS)] == [names.middle(key) for key in reversed(KEYS)]
    assert all(names.middle(key).isalnum() for key in KEYS)


def test_a_mailbox_knows_its_own_files() -> None:
    names, others = Names("uid-1"), Names("uid-2")
    assert all(names.middle(key).startswith(names.mark) for key in KEYS)
    assert not any(others.middle(key).startswith(names.mark) for key in KEYS)


def test_a_name_has_three_parts_and_no_flags() -> None:
    name = render_name("Q1P2", seconds=1732406400, size=98, wire_size=100)
    assert name == "1732406400.Q1P2.mailbox-operator,S=98,W=100"
    assert not {"/", ":"} & set(name)
