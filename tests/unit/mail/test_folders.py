r"""Which folders are meant: names, globs, special uses."""

import pytest

from mailbox_operator.mail.folders import (
    Folder,
    has_spellings,
    needs_listing,
    plain_name,
    select_folders,
    spell_folders,
)


def folder(name: str, *attributes: str, delimiter: str = "/") -> Folder:
    return Folder(name=name, wire=name.encode(), delimiter=delimiter, attributes=frozenset(attributes))


SERVER = [
    folder("Sent", "\\SENT", "\\HASNOCHILDREN"),
    folder("Projects", "\\NOSELECT"),
    folder("Projects/Alpha"),
    folder("Projects/Alpha/Old"),
    folder("Projects/Beta"),
    folder("Inbox"),
    folder("Spam", "\\JUNK"),
    folder("Trash", "\\TRASH", "\\NONEXISTENT"),
]


@pytest.mark.parametrize(
    ("include", "exclude", "chosen"),
    [
        (["INBOX"], [], ["Inbox"]),
        (["inbox"], [], ["Inbox"]),
        ([r"\Inbox", r"\junk"], [], ["Inbox", "Spam"]),
        (["*"], [], ["Inbox", "Projects/Alpha", "Projects/Alpha/Old", "Projects/Beta", "Sent", "Spam"]),
        (["*"], [r"\Junk", r"\Sent", "INBOX"], ["Projects/Alpha", "Projects/Alpha/Old", "Projects/Beta"]),
        (["Projects/*"], ["*/Old"], ["Projects/Alpha", "Projects/Beta"]),
        (["Projects/?eta"], [], ["Projects/Beta"]),
        (["projects/*"], [], []),
        (["In*"], [], ["Inbox"]),
        (["Projects", r"\Trash", r"\Archive", "Nowhere"], [], []),
        (["Projects/[A-Z]*"], [], []),
    ],
)
def test_what_is_chosen(include: list[str], exclude: list[str], chosen: list[str]) -> None:
    found = select_folders(SERVER, include=include, exclude=exclude)
    assert [one.name for one in found.folders] == chosen


def test_a_slash_stands_for_the_servers_delimiter() -> None:
    dotted = [folder("Projects.Alpha", delimiter="."), folder("a/b", delimiter=".")]
    assert len(select_folders(dotted, include=["Projects/*"], exclude=[]).folders) == 1
    assert len(select_folders(dotted, include=["Projects.Alpha"], exclude=[]).folders) == 1
    assert len(select_folders(dotted, include=["a/b"], exclude=[]).folders) == 1


def test_what_matches_nothing_is_told_also_where_it_is_excluded() -> None:
    found = select_folders(SERVER, include=["INBOX", r"\Archive", "Nowhere", "Sent"], exclude=["Sent"])
    assert found.unmatched == (r"\Archive", "Nowhere")


@pytest.mark.parametrize(
    ("include", "exclude", "needed"),
    [
        (["INBOX"], [], False),
        ([r"\Inbox", "Entwürfe"], [], False),
        (["INBOX"], ["Sent"], True),
        (["A/B"], [], True),
        ([r"\Junk"], [], True),
        (["*"], [], True),
    ],
)
def test_plain_names_are_not_looked_up(include: list[str], exclude: list[str], needed: bool) -> None:  # noqa: FBT001
    assert needs_listing(include, exclude) is needed


@pytest.mark.parametrize(
    ("name", "several"), [("Sent Items", False), (r"a\b", False), ("Entwürfe", True), (r"Entw\xfcrfe", True)]
)
def test_a_name_beyond_ascii_has_several_spellings(name: str, *, several: bool) -> None:
    assert has_spellings(name) == several


def test_folders_are_spelled_as_they_are_listed_or_as_the_standard_says_and_stay_in_order() -> None:
    listed = [Folder(name="Büro", wire="Büro".encode(), delimiter="."), folder("Sent")]
    found = spell_folders(["日本語", "Sent", "Büro"], listed=listed)
    assert [one.wire for one in found] == [b"&ZeVnLIqe-", b"Sent", "Büro".encode()]


def test_inbox_has_no_case() -> None:
    assert [plain_name(one) for one in (r"\inbox", "Inbox", "Sent")] == ["INBOX", "INBOX", "Sent"]
