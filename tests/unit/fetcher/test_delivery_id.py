"""Ids of deliveries."""

from mailbox_operator.fetcher.delivery_id import DeliveryIds
from mailbox_operator.fetcher.ids import Uid, UidValidity


def test_the_same_message_has_the_same_id_for_ever() -> None:
    ids = DeliveryIds("5d1c")
    assert ids.render(("INBOX", UidValidity(7), Uid(12))) == b"5d1c/INBOX/7/12"
    assert ids.render(("INBOX", UidValidity(7), Uid(13))) == b"5d1c/INBOX/7/13"
    assert ids.render(("INBOX", None, "AAk/x=")) == b"5d1c/INBOX/AAk%2Fx%3D"


def test_no_folder_can_look_like_another() -> None:
    ids = DeliveryIds("5d1c")
    assert ids.render(("a/7", UidValidity(1), Uid(1))) == b"5d1c/a%2F7/1/1"
    assert ids.render(("Entwürfe", UidValidity(1), Uid(1))) == b"5d1c/Entw%C3%BCrfe/1/1"
