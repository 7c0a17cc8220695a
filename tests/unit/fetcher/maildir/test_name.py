"""Names of files: what they tell, and that a repeat is seen."""

from mailbox_operator.fetcher.maildir.name import mark_of, middle_of, render_name


def test_the_same_message_has_the_same_name_and_another_has_another() -> None:
    mark = mark_of("uid-1")
    assert middle_of(mark, b"uid-1/INBOX/3/7") == middle_of(mark, b"uid-1/INBOX/3/7")
    assert middle_of(mark, b"uid-1/INBOX/3/7") != middle_of(mark, b"uid-1/INBOX/3/8")


def test_a_mailbox_knows_its_own_files() -> None:
    assert middle_of(mark_of("uid-1"), b"x").startswith(mark_of("uid-1"))
    assert not middle_of(mark_of("uid-2"), b"x").startswith(mark_of("uid-1"))


def test_a_name_has_three_parts_and_no_flags() -> None:
    name = render_name("Q1P2", seconds=1732406400, size=98, wire_size=100)
    assert name == "1732406400.Q1P2.mailbox-operator,S=98,W=100"
    assert not {"/", ":"} & set(name)
