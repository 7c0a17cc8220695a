"""An IMAP server whose mailbox holds a million messages, each made when it is asked for; it counts what is asked."""

import re
import socketserver
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

UID_SET: Final = re.compile(rb"UID FETCH (\S+) \((.*)\)", re.IGNORECASE)
SEARCH: Final = re.compile(rb"UID SEARCH (?:UID (\S+) )?SINCE (\S+)", re.IGNORECASE)
CAPABILITIES: Final = b"IMAP4rev1 SASL-IR IDLE UIDPLUS"
MONTHS: Final = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]


@dataclass(kw_only=True)
class LargeMailbox:
    """UIDs 1 to `messages`; the last one came when the server began, each other so many seconds before the next."""

    messages: int
    seconds_between: float
    began: float
    port: int = 0
    listed: int = 0
    """FETCH responses without a body."""
    searched: int = 0
    """UIDs found by SEARCH."""
    handed_out: int = 0
    """FETCH responses with a body."""

    def arrived(self, uid: int) -> datetime:
        """Return when a message came."""
        return datetime.fromtimestamp(self.began - (self.messages - uid) * self.seconds_between, UTC)

    def uids(self, text: bytes) -> Iterator[int]:
        """Yield what exists of a set."""
        for part in text.decode().replace("*", str(self.messages)).split(","):
            first, _, last = part.partition(":")
            low, high = sorted((int(first), int(last or first)))
            yield from range(max(1, low), min(high, self.messages) + 1)

    def search(self, line: bytes) -> bytes:
        """Answer `UID SEARCH [UID set] SINCE date`."""
        found = SEARCH.search(line)
        assert found, line
        day, month, year = found[2].decode().split("-")
        since = datetime(int(year), MONTHS.index(month) + 1, int(day), tzinfo=UTC)
        uids = [uid for uid in self.uids(found[1] or b"1:*") if self.arrived(uid) >= since]
        self.searched += len(uids)
        return b"* SEARCH%b\r\n" % b"".join(b" %d" % uid for uid in uids)

    def fetch(self, line: bytes) -> Iterator[bytes]:
        """Answer UID FETCH."""
        found = UID_SET.search(line)
        assert found, line
        with_body = b"BODY.PEEK[" in found[2].upper()
        for uid in self.uids(found[1]):
            body = b"Message-ID: <%d@large>\r\n\r\n%d\r\n" % (uid, uid)
            when = self.arrived(uid)
            date = f"{when.day:2}-{MONTHS[when.month - 1]}-{when:%Y %H:%M:%S} +0000"
            head = b'* %d FETCH (UID %d FLAGS () INTERNALDATE "%b" RFC822.SIZE %d' % (
                uid,
                uid,
                date.encode(),
                len(body),
            )
            if with_body:
                self.handed_out += 1
                yield b"%b BODY[] {%d}\r\n%b)\r\n" % (head, len(body), body)
            else:
                self.listed += 1
                yield head.replace(b" FLAGS ()", b"") + b")\r\n"

    def answer(self, line: bytes) -> Iterator[bytes]:
        """Answer a command, but for IDLE."""
        tag, _, command = line.strip().partition(b" ")
        upper = command.upper()
        said = b"OK done"
        if upper.startswith((b"LOGIN", b"AUTHENTICATE")):
            said = b"OK [CAPABILITY %b] in" % CAPABILITIES
        elif upper.startswith(b"CAPABILITY"):
            yield b"* CAPABILITY %b\r\n" % CAPABILITIES
        elif upper.startswith(b"LIST"):
            yield b'* LIST () "/" INBOX\r\n'
        elif upper.startswith((b"SELECT", b"EXAMINE")):
            yield b"* %d EXISTS\r\n* OK [UIDVALIDITY 7] .\r\n* OK [UIDNEXT %d] .\r\n" % (
                self.messages,
                self.messages + 1,
            )
            said = b"OK [READ-WRITE] done"
        elif upper.startswith(b"UID SEARCH"):
            yield self.search(command)
        elif upper.startswith(b"UID FETCH"):
            yield from self.fetch(command)
        elif upper.startswith(b"LOGOUT"):
            yield b"* BYE\r\n"
        yield b"%b %b\r\n" % (tag, said)


@contextmanager
def large_mailbox(*, messages: int, seconds_between: float) -> Iterator[LargeMailbox]:
    """Serve one on loopback."""
    made = LargeMailbox(messages=messages, seconds_between=seconds_between, began=time.time())

    class Session(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            self.wfile.write(b"* OK [CAPABILITY %b] here\r\n" % CAPABILITIES)
            idling = b""
            for line in self.rfile:
                if idling:
                    self.wfile.write(b"%b OK done\r\n" % idling)
                    idling = b""
                elif line.upper().strip().endswith(b" IDLE"):
                    idling = line.split()[0]
                    self.wfile.write(b"+ idling\r\n")
                else:
                    self.wfile.write(b"".join(made.answer(line)))

    class Server(socketserver.ThreadingTCPServer):
        daemon_threads = True

        def handle_error(self, *_args: object) -> None:
            """A client that left is no error of ours."""

    server = Server(("127.0.0.1", 0), Session)
    made.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield made
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
