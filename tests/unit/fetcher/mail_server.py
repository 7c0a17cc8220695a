"""A small IMAP server with the holes that a real one has now and then: sparse UIDs, expunged and broken messages."""

import asyncio
import re
from collections.abc import Iterable
from dataclasses import dataclass, field

from mailbox_operator.fetcher.checkpoint.uid_set import parse_uid_set

SET = re.compile(rb"UID (?:FETCH|STORE|SEARCH UID) (\S+)")
DATE = b"17-Jul-2026 02:44:25 +0000"


@dataclass(kw_only=True)
class MailServer:
    """One INBOX; `script` serves it to a connection after sign-in."""

    messages: dict[int, bytes]
    dates: dict[int, bytes] = field(default_factory=dict)
    sizes: dict[int, int] = field(default_factory=dict)
    """What RFC822.SIZE says where that is wrong."""
    vanishing: set[int] = field(default_factory=set)
    """Listed once, and gone when they are asked for."""
    broken: set[int] = field(default_factory=set)
    broken_code: bytes = b"SERVERBUG"
    """Never handed out: the command ends in NO."""
    forgetful: set[int] = field(default_factory=set)
    """Left out once although the command ends in OK."""
    hostile: bytes | None = None
    """Sent in place of bodies, and then the end."""
    tears: int | None = None
    """The connection ends within this message."""
    capabilities: bytes = b"IMAP4rev1 IDLE"
    folder: bytes | None = None
    """The only folder that there is, octet for octet; None: whichever is opened."""
    is_listed: bool = True
    found: bytes | None = None
    """What it answers to each search, in place of what is right."""
    uidnext: int | None = None
    password: bytes | None = None
    """None: any will do."""
    refusals: int = 0
    names_uidnext: bool = True
    uidvalidity: int = 5
    piece: int = 0
    """So many octets are sent at a time; 0: all that there are."""
    shy: int = 0
    """So often it does not open a folder."""
    refusing: int = 0
    """So often it does not change a flag."""
    arriving: bytes | None = None
    """A message that comes when the folder has just been opened."""
    is_open: bool = False
    commands: list[bytes] = field(default_factory=list)
    seen: set[int] = field(default_factory=set)
    idling: asyncio.Event = field(default_factory=asyncio.Event)
    news: asyncio.Event = field(default_factory=asyncio.Event)
    marked: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when a flag was changed."""

    def put(self, octets: bytes) -> None:
        """Let a message arrive."""
        self.messages[max(self.messages, default=0) + 1] = octets

    async def script(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one connection."""
        self.is_open = False
        writer.write(b"* OK [CAPABILITY %b] hello\r\n" % self.capabilities)
        while line := await reader.readline():
            tag, _, command = line.rstrip(b"\r\n").partition(b" ")
            self.commands.append(command)
            if command == b"IDLE":
                writer.write(b"+ idling\r\n")
                await self._idle(reader, writer)
                writer.write(tag + b" OK done\r\n")
                continue
            if self.hostile is not None and b"BODY" in command:
                writer.write(self.hostile.replace(b"TAG", tag))
                return
            for answer in self._answer(command):
                if self.tears is not None and answer.startswith(b"* 1 FETCH (UID %d FLAGS" % self.tears):
                    writer.write(answer[: len(answer) // 2 + 30])
                    return
                await self._say(answer.replace(b"TAG", tag) + b"\r\n", writer)
            await writer.drain()
            if command == b"LOGOUT":
                return

    async def _say(self, octets: bytes, writer: asyncio.StreamWriter) -> None:
        if not self.piece:
            writer.write(octets)
            return
        for start in range(0, len(octets), self.piece):
            writer.write(octets[start : start + self.piece])
            await asyncio.sleep(0)

    async def _idle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.idling.set()
        done = asyncio.ensure_future(reader.readline())
        news = asyncio.ensure_future(self.news.wait())
        await asyncio.wait((done, news), return_when=asyncio.FIRST_COMPLETED)
        if not done.done():
            writer.write(b"* %d EXISTS\r\n" % len(self.messages))
        assert (await done).strip() in {b"DONE", b""}
        news.cancel()
        self.news.clear()
        self.idling.clear()

    def _answer(self, command: bytes) -> Iterable[bytes]:
        name = command.split(b" ")[0]
        if name == b"LOGIN" and self.password not in {None, command.split(b" ")[2].strip(b'"')}:
            self.refusals += 1
            yield b"TAG NO [AUTHENTICATIONFAILED] wrong"
        elif name == b"LOGIN":
            yield b"TAG OK [CAPABILITY %b] in" % self.capabilities
        elif name in {b"SELECT", b"EXAMINE"}:
            yield from self._open(command.partition(b" ")[2].strip(b'"'))
        elif name == b"UID" and not self.is_open:
            yield b"TAG BAD no folder is open"
        elif command.startswith(b"UID SEARCH") and self.found is not None:
            yield self.found
            yield b"TAG OK done"
        elif command.startswith(b"UID SEARCH"):
            yield b"* SEARCH" + b"".join(b" %d" % uid for uid in self._within(command))
            yield b"TAG OK done"
        elif command.startswith(b"UID FETCH"):
            yield from self._fetch(command)
        elif command.startswith(b"UID STORE") and self.refusing:
            self.refusing -= 1
            yield b"TAG NO not now"
        elif command.startswith(b"UID STORE"):
            self.seen |= set(self._within(command))
            self.marked.set()
            yield b"TAG OK done"
        else:
            yield from self._do(name)

    def _do(self, name: bytes) -> Iterable[bytes]:
        if name == b"LIST" and self.folder is not None and self.is_listed:
            yield b'* LIST (\\HasNoChildren) "/" "%b"' % self.folder
        yield b"TAG OK done"

    def _open(self, folder: bytes) -> Iterable[bytes]:
        if self.folder not in {None, folder}:
            yield b"TAG NO [NONEXISTENT] no such folder"
            return
        if self.shy:
            self.shy -= 1
            yield b"TAG NO not yet"
            return
        self.is_open = True
        yield b"* %d EXISTS" % len(self.messages)
        yield b"* OK [UIDVALIDITY %d] x" % self.uidvalidity
        if self.names_uidnext:
            yield b"* OK [UIDNEXT %d] x" % (self.uidnext or max(self.messages, default=0) + 1)
        yield b"TAG OK [READ-WRITE] done"
        if self.arriving:
            self.put(self.arriving)
            self.arriving = None

    def _fetch(self, command: bytes) -> Iterable[bytes]:
        uids = self._within(command)
        if b"BODY" not in command:
            for uid in uids:
                yield b'* 1 FETCH (UID %d INTERNALDATE "%b" RFC822.SIZE %d)' % (uid, self._date(uid), self._size(uid))
            yield b"TAG OK done"
            return
        failed = False
        for uid in uids:
            if uid in self.vanishing:
                self.vanishing.discard(uid)
                del self.messages[uid]
            elif uid in self.forgetful:
                self.forgetful.discard(uid)
            elif uid in self.broken:
                failed = True
            else:
                message = self.messages[uid]
                section = b"BODY[]"
                if b"BODY.PEEK[HEADER]" in command:
                    message, section = message.partition(b"\r\n\r\n")[0] + b"\r\n\r\n", b"BODY[HEADER]"
                items = b'UID %d FLAGS () INTERNALDATE "%b" RFC822.SIZE %d' % (uid, self._date(uid), self._size(uid))
                yield b"* 1 FETCH (%b %b {%d}\r\n%b)" % (items, section, len(message), message)
        yield b"TAG NO [%b] cannot read it" % self.broken_code if failed else b"TAG OK done"

    def _within(self, command: bytes) -> list[int]:
        found = SET.search(command)
        assert found, command
        text = found[1].decode()
        if text.endswith(":*"):  # always names the last one, too
            return sorted(uid for uid in self.messages if uid >= min(int(text[:-2]), max(self.messages)))
        if text == "*":
            return [max(self.messages)]
        if ":" in text and "," not in text:
            first, last = map(int, text.split(":"))
            return sorted(uid for uid in self.messages if first <= uid <= last)
        wanted = set(parse_uid_set(text, limit=100_000))
        return sorted(uid for uid in self.messages if uid in wanted)

    def _date(self, uid: int) -> bytes:
        return self.dates.get(uid, DATE)

    def _size(self, uid: int) -> int:
        return self.sizes.get(uid, len(self.messages[uid]))
