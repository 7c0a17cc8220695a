"""The client's side of LMTP, reply by reply."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailbox_operator.fetcher.lmtp.dialogue import Content, Ended, Envelope, LmtpDialogue, Stage
from mailbox_operator.fetcher.lmtp.offers import Offers
from mailbox_operator.fetcher.lmtp.replies import LmtpError, Reply

STEPS, PIPELINED = Offers(), Offers(pipelining=True)
CHUNKED = Offers(pipelining=True, chunking=True)
OK, GO, LATER, NO = (Reply(code, "", ("x",)) for code in (250, 354, 450, 550))


def envelope(name: bytes = b"1") -> Envelope:
    made = Envelope(size=5)
    made.mail, made.rcpt = b"MAIL %b\r\n" % name, b"RCPT %b\r\n" % name
    return made


def output(dialogue: LmtpDialogue) -> list[bytes | str]:
    """Return what is written; a message as `<stuffed>` or `<as it is>`."""
    found: list[bytes | str] = []
    while (piece := dialogue.take_output()) is not None:
        found.append(("<stuffed>" if piece.stuffed else "<as it is>") if isinstance(piece, Content) else piece)
    return found


def test_step_by_step_each_command_waits_for_its_reply() -> None:
    dialogue, one = LmtpDialogue(STEPS), envelope()
    dialogue.begin(one)
    assert output(dialogue) == [b"MAIL 1\r\n"]
    for reply, then in ((OK, b"RCPT 1\r\n"), (OK, b"DATA\r\n"), (GO, "<stuffed>")):
        assert not dialogue.room
        assert dialogue.receive(reply) is None
        assert output(dialogue) == [then]
    assert dialogue.receive(OK) == Ended(one, Stage.CONTENT, OK)
    assert dialogue.room


def test_pipelined_the_next_envelope_goes_behind_the_dot() -> None:
    dialogue, one, two = LmtpDialogue(PIPELINED), envelope(), envelope(b"2")
    dialogue.begin(one)
    assert output(dialogue) == [b"MAIL 1\r\n", b"RCPT 1\r\n", b"DATA\r\n"]
    assert not dialogue.room, "nothing may be sent behind DATA"
    for reply in (OK, OK, GO):
        dialogue.receive(reply)
    dialogue.begin(two)
    assert output(dialogue) == ["<stuffed>", b"MAIL 2\r\n", b"RCPT 2\r\n", b"DATA\r\n"]
    assert not dialogue.room
    assert dialogue.receive(OK) == Ended(one, Stage.CONTENT, OK)
    assert dialogue.under_way == 1


def test_chunked_two_messages_are_on_their_way_at_once() -> None:
    dialogue, one, two = LmtpDialogue(CHUNKED), envelope(), envelope(b"2")
    dialogue.begin(one)
    dialogue.begin(two)
    assert not dialogue.room
    assert output(dialogue) == [
        *(b"MAIL 1\r\n", b"RCPT 1\r\n", b"BDAT 5 LAST\r\n", "<as it is>"),
        *(b"RSET\r\n", b"MAIL 2\r\n", b"RCPT 2\r\n", b"BDAT 5 LAST\r\n", "<as it is>"),
    ]
    assert [dialogue.receive(OK) for _ in range(3)] == [None, None, Ended(one, Stage.CONTENT, OK)]
    assert [dialogue.receive(reply) for reply in (OK, OK, NO, NO)][-1] == Ended(two, Stage.RCPT, NO)


@pytest.mark.parametrize("offers", [STEPS, PIPELINED, CHUNKED])
def test_after_a_refused_recipient_the_server_is_brought_back_to_the_start(offers: Offers) -> None:
    dialogue, one, two = LmtpDialogue(offers), envelope(), envelope(b"2")
    dialogue.begin(one)
    replies = [OK, NO] if offers is STEPS else [OK, NO, NO]
    assert [dialogue.receive(reply) for reply in replies][-1] == Ended(one, Stage.RCPT, NO)
    output(dialogue)
    dialogue.begin(two)
    assert output(dialogue)[:2] == [b"RSET\r\n", b"MAIL 2\r\n"]


def test_a_go_ahead_for_nobody_ends_the_connection() -> None:
    dialogue, one = LmtpDialogue(PIPELINED), envelope()
    dialogue.begin(one)
    assert [dialogue.receive(reply) for reply in (OK, NO, GO)][-1] == Ended(one, Stage.RCPT, NO)
    assert dialogue.is_over
    assert not dialogue.room


def test_the_first_refusal_is_what_is_told() -> None:
    dialogue, one = LmtpDialogue(PIPELINED), envelope()
    dialogue.begin(one)
    assert [dialogue.receive(reply) for reply in (LATER, NO, NO)][-1] == Ended(one, Stage.MAIL, LATER)


def test_a_server_that_closes_takes_no_more() -> None:
    dialogue = LmtpDialogue(PIPELINED)
    assert dialogue.receive(Reply(421, "4.3.2", ("bye",))) is None
    assert not dialogue.room


def test_what_nobody_asked_for_is_an_error() -> None:
    with pytest.raises(LmtpError):
        LmtpDialogue(PIPELINED).receive(OK)


@given(st.sampled_from([STEPS, PIPELINED, CHUNKED]), st.lists(st.sampled_from([OK, GO, LATER, NO]), max_size=40))
def test_whatever_is_answered_each_message_ends_once_and_only_a_taken_one_well(
    offers: Offers, replies: list[Reply]
) -> None:
    dialogue, begun, ended = LmtpDialogue(offers), list[Envelope](), list[Envelope]()
    for number, reply in enumerate(replies):
        while dialogue.room and len(begun) < 50:
            begun.append(envelope(b"%d" % number))
            dialogue.begin(begun[-1])
        output(dialogue)
        try:
            end = dialogue.receive(reply)
        except LmtpError:
            return
        if end:
            ended.append(end.envelope)
            if end.stage is Stage.CONTENT and end.reply is OK:
                assert end.envelope.failure is None
    assert ended == begun[: len(ended)]
    assert dialogue.under_way == len(begun) - len(ended)
