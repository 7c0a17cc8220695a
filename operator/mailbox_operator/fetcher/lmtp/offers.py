"""What an LMTP server offers, and the envelope that follows from it. Pure."""

from mailbox_operator.fetcher.lmtp.replies import Reply
from mailbox_operator.values import dataclass


class RecipientError(ValueError):
    """The recipient cannot be written as this server wants it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Offers:
    """The extensions that matter to us."""

    pipelining: bool = False
    """RFC 2920."""
    eight_bit: bool = False
    """8BITMIME, RFC 6152."""
    smtputf8: bool = False
    """RFC 6531."""
    chunking: bool = False
    """BDAT, RFC 3030."""
    binary: bool = False
    """BINARYMIME, the same."""
    start_tls: bool = False
    """RFC 3207."""
    declares_size: bool = False
    """SIZE, RFC 1870."""


def read_offers(reply: Reply) -> Offers:
    """Read the reply to LHLO; its first line is the server's name."""
    found = {words[0].upper() for line in reply.lines[1:] if (words := line.split())}
    return Offers(
        pipelining="PIPELINING" in found,
        eight_bit="8BITMIME" in found,
        smtputf8="SMTPUTF8" in found,
        chunking="CHUNKING" in found,
        binary="BINARYMIME" in found and "CHUNKING" in found,
        start_tls="STARTTLS" in found,
        declares_size="SIZE" in found,
    )


class Form:
    """What must be known of a message's octets before its envelope can be written; of pieces, `look` at each."""

    __slots__ = ("has_nul", "is_ascii")

    def __init__(self, octets: bytes = b"") -> None:
        self.is_ascii = True
        self.has_nul = False
        self.look(octets)

    def look(self, octets: bytes) -> None:
        """Take a piece into account: 27 and 70 GB/s."""
        self.is_ascii = self.is_ascii and octets.isascii()
        self.has_nul = self.has_nul or b"\0" in octets


def render_envelope(recipient: str, form: Form, *, size: int, offers: Offers) -> tuple[bytes, bytes]:
    """Return the lines of MAIL and RCPT. Raises RecipientError.

    The reverse path is empty: whatever becomes of a message after the hand-over, nobody is sent a bounce for it.
    """
    address, is_international = write_address(recipient, offers=offers)
    options = b""
    if form.has_nul and offers.binary:
        options += b" BODY=BINARYMIME"
    elif not form.is_ascii and offers.eight_bit:
        options += b" BODY=8BITMIME"
    if offers.declares_size:
        options += b" SIZE=%d" % size
    if is_international:
        options += b" SMTPUTF8"
    return b"MAIL FROM:<>%b\r\n" % options, b"RCPT TO:<%b>\r\n" % address


def write_address(recipient: str, *, offers: Offers) -> tuple[bytes, bool]:
    """Return the address for the wire, and whether it takes SMTPUTF8. Raises RecipientError."""
    if any(character <= " " or character in "<>\x7f" for character in recipient):
        raise RecipientError("the recipient holds what an envelope cannot carry")
    if recipient.isascii():
        return recipient.encode("ascii"), False
    if offers.smtputf8:
        return recipient.encode(), True
    local, at, domain = recipient.rpartition("@")
    if not local.isascii():
        raise RecipientError("the recipient is not ASCII, and the server does not offer SMTPUTF8")
    import idna  # noqa: PLC0415 - few recipients need it

    try:
        return f"{local}{at}".encode("ascii") + idna.encode(domain, uts46=True), False
    except idna.IDNAError as error:
        raise RecipientError(f"the recipient's domain is none: {error}") from error
