"""The client's side of LMTP once LHLO is answered: what to write, and what became of each message. Sans-IO.

RFC 2033; where they are offered: PIPELINING (RFC 2920), CHUNKING (RFC 3030).
"""

from collections import deque
from enum import Enum
from typing import Final, NamedTuple

from mailbox_operator.fetcher.lmtp.offers import Offers
from mailbox_operator.fetcher.lmtp.replies import LmtpError, Reply

GO_AHEAD: Final = 354
CLOSING: Final = 421
AHEAD: Final = 2
"""Messages under way on one connection: one at the server, and the next one on the wire."""


class Stage(Enum):
    """To what a reply was given."""

    RSET = "RSET"
    MAIL = "MAIL"
    RCPT = "RCPT"
    DATA = "DATA"
    CONTENT = "the message"


class Envelope:
    """One message's transaction; what the dialogue knows of it."""

    __slots__ = ("failure", "heard", "mail", "rcpt", "size")

    def __init__(self, *, size: int) -> None:
        self.mail = self.rcpt = b""
        """Whole lines; written before it begins."""
        self.size = size
        """Octets of the message, without what DATA adds."""
        self.failure: tuple[Stage, Reply] | None = None
        self.heard = False
        """Whether the server has said anything to it."""


class Content(NamedTuple):
    """Write the message of this envelope now: with doubled dots and an end, or as it is."""

    envelope: Envelope
    stuffed: bool


class Ended(NamedTuple):
    """The server has decided about a message."""

    envelope: Envelope
    stage: Stage
    reply: Reply


class LmtpDialogue:
    """`begin` where there is `room`, write what `take_output` gives, hand each reply to `receive`."""

    def __init__(self, offers: Offers) -> None:
        self._pipelining = offers.pipelining
        self._chunking = offers.chunking
        self._expected: deque[tuple[Stage, Envelope]] = deque()
        self._output: deque[bytes | Content] = deque()
        self._under_way = 0
        self._in_envelope = 0
        """Of these, how many whose content was not given out."""
        self._unsure = False
        """Whether the server may still be in a transaction that failed."""
        self.is_over = False
        """Whether no message can be begun any more: the server is closing, or it is not known where we are."""

    @property
    def under_way(self) -> int:
        """How many messages have not ended."""
        return self._under_way

    @property
    def room(self) -> bool:
        """Whether another message may begin."""
        if self.is_over:
            return False
        if not self._pipelining:
            return not self._under_way
        return not self._in_envelope and self._under_way < AHEAD

    def begin(self, envelope: Envelope) -> None:
        """Take up a message; there is room."""
        # RFC 3030 section 2: after a refused BDAT only RSET tells where one is, and what the one before comes to is not
        # known yet. DATA ends its transaction whatever the reply.
        reset = self._unsure or (self._chunking and self._under_way > 0)
        self._unsure = False
        self._under_way += 1
        self._in_envelope += 1
        if reset:
            self._say(b"RSET\r\n", Stage.RSET, envelope)
        self._say(envelope.mail, Stage.MAIL, envelope)
        if self._pipelining:
            self._say(envelope.rcpt, Stage.RCPT, envelope)
            self._say_data(envelope)

    def take_output(self) -> bytes | Content | None:
        """Return what is to be written next, in order."""
        return self._output.popleft() if self._output else None

    def receive(self, reply: Reply) -> Ended | None:
        """Take a reply; return the message that it decides about. Raises LmtpError: nobody asked, or it makes no sense."""
        if not self._expected:
            if reply.code == CLOSING:
                self.is_over = True
                return None
            raise LmtpError(f"the server spoke unasked: {reply.code}")
        stage, envelope = self._expected.popleft()
        envelope.heard = True
        if reply.code == CLOSING:
            self.is_over = True
        match stage:
            case Stage.RSET:
                if not _is_positive(reply):
                    raise LmtpError(f"RSET was refused: {reply.code}")
                return None
            case Stage.MAIL:
                return self._envelope_reply(stage, envelope, reply)
            case Stage.RCPT:
                return self._envelope_reply(stage, envelope, reply)
            case Stage.DATA:
                return self._data_reply(envelope, reply)
            case Stage.CONTENT:
                return self._content_reply(envelope, reply)

    def _envelope_reply(self, stage: Stage, envelope: Envelope, reply: Reply) -> Ended | None:
        if not _is_positive(reply):
            envelope.failure = envelope.failure or (stage, reply)
            if not self._pipelining:
                self._in_envelope -= 1
                self._unsure = stage is Stage.RCPT
                return self._end(envelope, stage, reply)
        elif not self._pipelining:
            if stage is Stage.MAIL:
                self._say(envelope.rcpt, Stage.RCPT, envelope)
            else:
                self._say_data(envelope)
        return None

    def _data_reply(self, envelope: Envelope, reply: Reply) -> Ended | None:
        self._in_envelope -= 1
        if reply.code == GO_AHEAD and envelope.failure is None:
            self._output.append(Content(envelope, stuffed=True))
            self._expected.append((Stage.CONTENT, envelope))
            return None
        if reply.code == GO_AHEAD:  # for nobody: what it would answer to a message without recipients is not agreed on
            self.is_over = True
        elif _is_positive(reply):
            raise LmtpError(f"DATA was answered with {reply.code}")
        self._unsure = True
        return self._end(envelope, Stage.DATA, reply)

    def _content_reply(self, envelope: Envelope, reply: Reply) -> Ended:
        if self._chunking and not _is_positive(reply):
            self._unsure = True
        return self._end(envelope, Stage.CONTENT, reply)

    def _end(self, envelope: Envelope, stage: Stage, reply: Reply) -> Ended:
        self._under_way -= 1
        return Ended(envelope, *(envelope.failure or (stage, reply)))

    def _say_data(self, envelope: Envelope) -> None:
        if self._chunking:
            self._say(b"BDAT %d LAST\r\n" % envelope.size, Stage.CONTENT, envelope)
            self._output.append(Content(envelope, stuffed=False))
            self._in_envelope -= 1
        else:
            self._say(b"DATA\r\n", Stage.DATA, envelope)

    def _say(self, line: bytes, stage: Stage, envelope: Envelope) -> None:
        self._output.append(line)
        self._expected.append((stage, envelope))


def _is_positive(reply: Reply) -> bool:
    return 200 <= reply.code < 300  # noqa: PLR2004 - RFC 5321 section 4.2.1
