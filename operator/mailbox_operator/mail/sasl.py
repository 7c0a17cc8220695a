"""SASL (RFC 4422), the client's side, without I/O: which mechanism, what is said first, what is answered to a challenge."""

import hmac
from base64 import b64decode
from collections.abc import Callable, Collection
from typing import Final, Protocol

from mailbox_operator.mail.credential import Credential, CredentialKind, plain_response
from mailbox_operator.mail.errors import MailError, SaslError
from mailbox_operator.mail.scram import DIGESTS, Scram, new_nonce

MOST_HEARD: Final = 1024
"""Characters of a challenge that are kept as evidence."""
NAMES: Final = {
    "Plain": ("PLAIN",),
    "Login": ("LOGIN",),
    "CRAMMD5": ("CRAM-MD5",),
    "SCRAM": tuple(DIGESTS),
    "XOAUTH2": ("XOAUTH2",),
    "OAUTHBEARER": ("OAUTHBEARER",),
}
"""From the API's names to those on the wire, by preference."""
SHOWING: Final = ("PLAIN", "LOGIN")
"""These show the password itself."""
API_NAMES: Final = {name: key for key, names in NAMES.items() for name in names} | {"USER": "Login"}
"""The other way round; USER of POP3 is asked for by that name, too."""
PROVING: Final = (*DIGESTS, "CRAM-MD5")
TOKENS: Final = ("XOAUTH2", "OAUTHBEARER")


class Exchange(Protocol):
    """One use of a mechanism.

    Where `initial` is None, the server speaks first. `answer` is called with each challenge, `conclude` when the server
    says that all is well; both raise SaslError, and then the exchange is broken off (`*`).
    """

    name: str
    refusal: str
    """What the server told in a challenge of why it will refuse, as it came; "" where it did not."""

    @property
    def initial(self) -> bytes | None:
        """Our first message."""

    def answer(self, challenge: bytes) -> bytes:
        """Return our next message."""

    def conclude(self) -> None:
        """Judge the end."""


def choose(credential: Credential, *, offered: Collection[str], private: bool) -> str:
    """Return the mechanism to use.

    Args:
        credential: what is to be shown.
        offered: names of mechanisms, in upper case.
        private: whether the wire is encrypted and the server's certificate verified. Then the password itself is shown,
            which works with whatever the server keeps; servers offer SCRAM and CRAM-MD5 also for accounts of which
            they keep a hash that does not serve for it, and each such try would count as a wrong password.
            Elsewhere those go first that do not show it.

    Raises:
        SaslError: nothing fits.
    """
    there = ", ".join(sorted(offered)) or "none"
    if credential.mechanism:
        wanted = NAMES.get(credential.mechanism)
        if wanted is None:
            raise SaslError(f"mechanism {credential.mechanism} is not implemented for this protocol")
        if found := next((name for name in wanted if name in offered), None):
            return found
        raise SaslError(f"mechanism {wanted[0]} is not offered: the server offers {there}")
    order = (*SHOWING, *PROVING) if private else (*PROVING, *SHOWING)
    if credential.kind is CredentialKind.TOKEN:
        order = TOKENS
    if found := next((name for name in order if name in offered), None):
        return found
    raise SaslError(f"no mechanism for a {credential.kind} is offered: the server offers {there}")


def begin(name: str, credential: Credential, *, host: str, port: int, nonce: Callable[[], str] = new_nonce) -> Exchange:
    """Return an exchange by the mechanism `name` with the server at `host` and `port`. Raises SaslError."""
    if name in DIGESTS:
        return Scram(name, username=credential.username, password=credential.secret.reveal(), nonce=nonce())
    match name:
        case "PLAIN":
            return _Showing(name, initial=plain_response(credential.username, credential.secret), answers=())
        case "LOGIN":  # no RFC describes it: two prompts, whatever their words
            answers = (credential.username.encode(), credential.secret.reveal().encode())
            return _Showing(name, initial=None, answers=answers)
        case "CRAM-MD5":
            return _CramMd5(credential)
        case "XOAUTH2":
            return _Bearer(name, initial=xoauth2_message(credential), after_refusal=b"")
        case "OAUTHBEARER":  # RFC 7628 section 3.2.3: the client ends a failed exchange by ^A
            return _Bearer(name, initial=oauthbearer_message(credential, host=host, port=port), after_refusal=b"\x01")
        case _:
            raise SaslError(f"mechanism {name} is not implemented for this protocol")


def decoded(challenge: bytes) -> bytes:
    """Return a challenge without its base64, or as it is: some servers prompt in plain words."""
    try:
        return b64decode(challenge, validate=True)
    except ValueError:
        return challenge


def told(exchange: Exchange, error: MailError) -> MailError:
    """Return a refusal with what the server has told of it in a challenge."""
    return error.with_text(f"{error.text}: {exchange.refusal}") if exchange.refusal else error


def xoauth2_message(credential: Credential) -> bytes:
    """Return the message of XOAUTH2, which Google and Microsoft describe and no RFC."""
    return f"user={credential.username}\x01auth=Bearer {credential.secret.reveal()}\x01\x01".encode()


def oauthbearer_message(credential: Credential, *, host: str, port: int) -> bytes:
    """Return the message of OAUTHBEARER (RFC 7628 section 3.1)."""
    identity = credential.username.replace("=", "=3D").replace(",", "=2C")  # RFC 5801 section 4
    pairs = f"host={host}\x01port={port}\x01auth=Bearer {credential.secret.reveal()}"
    return f"n,a={identity},\x01{pairs}\x01\x01".encode()


class _Showing:
    """PLAIN (RFC 4616) and LOGIN."""

    def __init__(self, name: str, *, initial: bytes | None, answers: tuple[bytes, ...]) -> None:
        self.name = name
        self.initial = initial
        self.refusal = ""
        self._answers = list(answers)

    def answer(self, challenge: bytes) -> bytes:
        if not self._answers:
            self.refusal = challenge[:MOST_HEARD].decode("utf-8", "replace")
            raise SaslError(f"the server asks more of {self.name} than there is to say")
        return self._answers.pop(0)

    def conclude(self) -> None:
        """Nothing is left to judge."""


class _CramMd5:
    """RFC 2195."""

    name = "CRAM-MD5"
    initial: bytes | None = None

    def __init__(self, credential: Credential) -> None:
        self.refusal = ""
        self._credential: Credential | None = credential

    def answer(self, challenge: bytes) -> bytes:
        credential, self._credential = self._credential, None
        if credential is None:
            raise SaslError("the server asks more of CRAM-MD5 than there is to say")
        digest = hmac.new(credential.secret.reveal().encode(), challenge, "md5").hexdigest()
        return f"{credential.username} {digest}".encode()

    def conclude(self) -> None:
        """Nothing is left to judge: the server proves nothing."""


class _Bearer:
    """XOAUTH2 and OAUTHBEARER: a challenge is the refusal, told in JSON; what comes after our answer is only a no."""

    def __init__(self, name: str, *, initial: bytes, after_refusal: bytes) -> None:
        self.name = name
        self.initial: bytes | None = initial
        self.refusal = ""
        self._after_refusal = after_refusal

    def answer(self, challenge: bytes) -> bytes:
        if self.refusal:
            raise SaslError(f"the server goes on after it has refused {self.name}")
        self.refusal = challenge[:MOST_HEARD].decode("utf-8", "replace") or "no reason told"
        return self._after_refusal

    def conclude(self) -> None:
        """Nothing is left to judge."""
