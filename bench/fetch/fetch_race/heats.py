"""What is raced: courses, who runs on them, and which ratios come out, with their goals."""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, kw_only=True)
class Ratio:
    """`rival`'s wall time over ours, above 1 is faster."""

    key: str
    ours: str
    rival: str
    goal: float


@dataclass(frozen=True, kw_only=True)
class Heat:
    """Contestants on one course, once a round each."""

    name: str
    title: str
    protocol: str
    ratios: tuple[Ratio, ...]
    corpus: str = "mixed"
    messages: int = 10_000
    compressing: bool = False
    on_disk: bool = False
    nothing_new: bool = False
    by_lmtp: bool = False
    """Into another Dovecot, by LMTP in plain text."""
    round_trip: float = 0.0
    """Seconds added between contestant and server."""

    @property
    def contestants(self) -> tuple[str, ...]:
        """Rivals first, each once."""
        names = [ratio.rival for ratio in self.ratios] + [ratio.ours for ratio in self.ratios]
        return tuple(dict.fromkeys(names))


def _heat(name: str, title: str, protocol: str, *ratios: tuple[str, str, str, float], **course: object) -> Heat:
    made = tuple(Ratio(key=key, ours=ours, rival=rival, goal=goal) for key, ours, rival, goal in ratios)
    return Heat(name=name, title=title, protocol=protocol, ratios=made, **course)  # type: ignore[arg-type]


SMALL: Final = {"corpus": "small", "messages": 50_000}
HEATS: Final = (
    _heat(
        "mixed-imaps",
        "10,000 mixed messages, IMAPS",
        "imaps",
        ("imaps_maildir", "maildir", "mbsync", 1.15),
        ("imaps_webhook", "webhook", "mbsync", 1.1),
    ),
    _heat(
        "mixed-imap",
        "10,000 mixed messages, IMAP",
        "imap",
        ("imap_maildir", "maildir", "mbsync", 1.8),
        ("imap_webhook", "webhook", "mbsync", 1.3),
    ),
    _heat(
        "small-imaps", "50,000 messages of 2 KiB, IMAPS", "imaps", ("small_imaps", "maildir", "mbsync", 2.0), **SMALL
    ),
    _heat("small-imap", "50,000 messages of 2 KiB, IMAP", "imap", ("small_imap", "maildir", "mbsync", 2.0), **SMALL),
    _heat(
        "durable-imaps",
        "10,000 mixed messages, IMAPS, durable on a disk",
        "imaps",
        ("durable_imaps", "maildir", "mbsync", 1.5),
        on_disk=True,
    ),
    _heat(
        "durable-imap",
        "10,000 mixed messages, IMAP, durable on a disk",
        "imap",
        ("durable_imap", "maildir", "mbsync", 2.0),
        on_disk=True,
    ),
    _heat("mixed-pop3s", "10,000 mixed messages, POP3S", "pop3s", ("pop3s", "maildir", "mpop", 1.1)),
    _heat("mixed-pop3", "10,000 mixed messages, POP3", "pop3", ("pop3", "maildir", "mpop", 1.1)),
    _heat(
        "compress",
        "10,000 mixed messages, IMAPS, server offers COMPRESS",
        "imaps",
        ("compress", "maildir", "mbsync", 10.0),
        compressing=True,
    ),
    _heat(
        "wan-full",
        "1,000 mixed messages, IMAPS, 40 ms round trip",
        "imaps",
        ("wan_full", "maildir", "mbsync", 1.2),
        messages=1_000,
        round_trip=0.04,
    ),
    _heat(
        "wan-idle",
        "nothing new, IMAPS, 40 ms round trip",
        "imaps",
        ("wan_idle", "maildir", "mbsync", 1.4),
        messages=1_000,
        round_trip=0.04,
        nothing_new=True,
    ),
    _heat(
        "nothing-new",
        "nothing new, IMAPS, one-shot process",
        "imaps",
        ("nothing_new", "maildir", "mbsync", 0.7),
        messages=1_000,
        nothing_new=True,
    ),
    _heat(
        "peers",
        "2,000 mixed messages, IMAPS",
        "imaps",
        ("fetchmail", "maildir", "fetchmail", 10.0),
        ("offlineimap", "maildir", "offlineimap", 10.0),
        messages=2_000,
    ),
    _heat(
        "lmtp",
        "500 mixed messages, IMAPS, into another Dovecot by LMTP",
        "imaps",
        ("lmtp", "lmtp", "fetchmail-lmtp", 2.0),
        messages=500,
        by_lmtp=True,
    ),
    _heat("getmail", "500 mixed messages, IMAPS", "imaps", ("getmail", "maildir", "getmail", 10.0), messages=500),
)
