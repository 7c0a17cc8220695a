"""Which folders are fetched, against a real Dovecot: globs, special uses, names of all kinds, folders that come and go."""

from urllib.parse import unquote

import pytest

from integration.conftest import Account
from integration.fetcher.conftest import Fetcher, Receiver
from integration.fetcher.test_delivery import numbered
from support.kube import until
from testbed.mailserver import MailServer

pytestmark = pytest.mark.integration


def subjects(receiver: Receiver) -> list[tuple[str, str]]:
    """Return folder and Message-ID of what was accepted."""
    return sorted((event.fields["ce-subject"], event.fields["ce-messageid"]) for event in receiver.accepted)


def fill(server: MailServer, account: Account, **folders: int) -> None:
    """Put one message into each folder; the number becomes its Message-ID."""
    for name, number in folders.items():
        server.dovecot.seed(account.address, numbered(1, first=number), folder=name)


def append(server: MailServer, account: Account, folder: str, number: int) -> None:
    """Make a folder and put a message into it, as another client does."""
    with server.dovecot.session(account.address, account.password) as imap:
        assert imap.create(folder)[0] == "OK"
        assert imap.append(folder, "", "", numbered(1, first=number)[0])[0] == "OK"


def test_globs_special_uses_and_exclusions(
    server: MailServer, account: Account, receiver: Receiver, fetcher: Fetcher
) -> None:
    fill(server, account, INBOX=1, Sent=2, Junk=3, **{"Projects.Alpha": 4, "Projects.Alpha.Old": 5, "Projects.Beta": 6})
    fetcher.change(folders=("INBOX", "Projects/*", r"\Junk"), exclude=("*/Old",))
    assert fetcher.once() == 0, fetcher.log()
    assert subjects(receiver) == [
        ("INBOX", "<1@x>"),
        ("Junk", "<3@x>"),
        ("Projects/Alpha", "<4@x>"),
        ("Projects/Beta", "<6@x>"),
    ]
    ids = {unquote(event.id).split("/")[1] for event in receiver.accepted}
    assert ids == {"INBOX", "Junk", "Projects%2FAlpha", "Projects%2FBeta"}
    fill(server, account, INBOX=7, Junk=8)
    assert fetcher.once() == 0
    assert len(receiver.accepted) == 6


def test_names_that_are_not_ascii(server: MailServer, account: Account, receiver: Receiver, fetcher: Fetcher) -> None:
    # On disk Dovecot keeps modified UTF-7, and octets of earlier servers as they are.
    fill(server, account, **{"Entw&APw-rfe": 1, "A &- B": 2, 'qu"ote': 3})
    fetcher.change(folders=("Entwürfe", "A & B", 'qu"ote'))
    assert fetcher.once() == 0, fetcher.log()
    assert [event.fields["ce-messageid"] for event in receiver.accepted] == ["<1@x>", "<2@x>", "<3@x>"]
    assert set(fetcher.saved()["folders"]) == {"Entwürfe", "A & B", 'qu"ote'}
    fetcher.change(folders=("*",))
    assert fetcher.once() == 0
    assert len(receiver.accepted) == 3, "found by a glob it is the same folder"


def test_others_than_the_first_are_polled_and_new_folders_are_noticed(
    server: MailServer, account: Account, receiver: Receiver, fetcher: Fetcher
) -> None:
    fill(server, account, INBOX=1, Archive=2)
    fetcher.change(folders=("*",), interval_seconds=1.0)
    fetcher.start()
    receiver.wait_accepted(2)
    fill(server, account, Archive=3)
    receiver.wait_accepted(3)
    fill(server, account, INBOX=4)
    receiver.wait_accepted(4)
    append(server, account, "Later", 5)
    receiver.wait_accepted(5)
    assert subjects(receiver)[-1] == ("Later", "<5@x>")
    assert server.dovecot.logins(account.address, least=2) == 2, "one connection, and the client above"
    until(lambda: server.dovecot.flags(account.address, "Later") == ["S"], seconds=5, what="marked there, too")


def test_a_server_that_can_tells_of_other_folders_at_once(
    server: MailServer, account: Account, receiver: Receiver, fetcher: Fetcher
) -> None:
    fill(server, account, INBOX=1, Archive=2, **{'qu"ote': 3, "Entw&APw-rfe": 4})
    fetcher.change(folders=("*",), interval_seconds=3_600.0)
    fetcher.start()
    receiver.wait_accepted(4)
    with server.dovecot.session(account.address, account.password) as imap:
        for number, folder in enumerate(("Archive", '"qu\\"ote"', "Entw&APw-rfe", "INBOX", "Archive"), 5):
            assert imap.append(folder, "", "", numbered(1, first=number)[0])[0] == "OK"
            receiver.wait_accepted(number)
    fetcher.wait_state("Idle")
    assert [event.fields["ce-messageid"] for event in receiver.accepted[4:]] == [f"<{n}@x>" for n in range(5, 10)]
    assert server.dovecot.logins(account.address, least=2) == 2, "one connection, and the client above"


def test_only_new_mail_counts_for_folders_that_come_later(
    server: MailServer, account: Account, receiver: Receiver, fetcher: Fetcher
) -> None:
    fill(server, account, INBOX=1, Archive=2)
    fetcher.change(folders=("*",), since_seconds=0.0, interval_seconds=1.0)
    fetcher.start()
    until(
        lambda: fetcher.checkpoint.exists() and {"INBOX", "Archive"} <= set(fetcher.saved()["folders"]),
        seconds=10,
        what="both known",
    )
    append(server, account, "Later", 3)
    receiver.wait_accepted(1)
    assert subjects(receiver) == [("Later", "<3@x>")]


def test_a_folder_that_is_not_there_is_said_and_another_is_fetched(
    server: MailServer, account: Account, receiver: Receiver, fetcher: Fetcher
) -> None:
    fetcher.change(folders=("Nowhere",))
    assert fetcher.once() == 1
    assert "Nowhere" in fetcher.log()
    fill(server, account, INBOX=1)
    fetcher.change(folders=("Nowhere", "INBOX"))
    assert fetcher.once() == 0, fetcher.log()
    assert len(receiver.accepted) == 1


def test_a_folder_that_is_deleted_is_forgotten(
    server: MailServer, account: Account, receiver: Receiver, fetcher: Fetcher
) -> None:
    fill(server, account, INBOX=1, Archive=2)
    fetcher.change(folders=("*",), exclude=(r"\Sent", r"\Junk"))
    assert fetcher.once() == 0
    server.dovecot.remove_folder(account.address, "Archive")
    assert fetcher.once() == 0, fetcher.log()
    assert set(fetcher.saved()["folders"]) == {"INBOX"}
    assert len(receiver.accepted) == 2
