"""What a POP3 maildrop holds, by UIDL and LIST (RFC 1939 sections 5 and 7)."""

from array import array
from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import Final, NamedTuple

from mailbox_operator.fetcher.pop3.ledger import UidlHash, hash_uidl
from mailbox_operator.mail.errors import Area, MailError

MOST_DIGITS: Final = 10
LARGEST_SIZE: Final = 1 << 48


class Shown(NamedTuple):
    """A message that the server shows."""

    number: int
    """In this session only."""
    uidl: bytes
    """For ever (RFC 1939 section 7); two messages of equal octets may share one."""


def parse_shown(line: bytes) -> Shown:
    """Read a line of UIDL. Raises MailError: a message that cannot be told from others must not be lost in silence."""
    number, _, uidl = line.partition(b" ")
    uidl = uidl.strip()
    if not uidl or not number.isdigit() or len(number) > MOST_DIGITS or not int(number):
        raise MailError(f"UIDL not understood: {line[:100].decode('ascii', 'replace')}", area=Area.POP3)
    return Shown(int(number), uidl)


def hashes_of(lines: Iterable[bytes]) -> list[UidlHash]:
    """Return the hash of each line of UIDL. Raises MailError."""
    return [hash_uidl(parse_shown(line).uidl) for line in lines]


def numbers_of(lines: Iterable[bytes], wanted: Collection[UidlHash]) -> dict[int, UidlHash]:
    """Return the messages whose unique id is wanted, by number. Raises MailError."""
    found: dict[int, UidlHash] = {}
    for line in lines:
        shown = parse_shown(line)
        if (one := hash_uidl(shown.uidl)) in wanted:
            found[shown.number] = one
    return found


class Sizes:
    """Octets of messages by number."""

    def __init__(self, lines: Sequence[bytes]) -> None:
        self._sizes = array("Q", bytes(8 * (len(lines) + 1)))
        for number, size in _pairs(lines):
            if number < len(self._sizes):
                self._sizes[number] = min(size, LARGEST_SIZE)

    def of(self, number: int) -> int:
        """Return a message's octets, 0 where the server did not say."""
        return self._sizes[number] if number < len(self._sizes) else 0


def _pairs(lines: Iterable[bytes]) -> Iterator[tuple[int, int]]:
    for line in lines:
        words = line.split()
        if len(words) >= 2 and words[0].isdigit() and words[1].isdigit() and len(line) < 64:  # noqa: PLR2004 - a pair
            yield int(words[0]), int(words[1])
