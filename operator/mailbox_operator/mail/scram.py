"""SCRAM (RFC 5802, RFC 7677), the client's side, without channel binding."""

import hashlib
import hmac
import os
from base64 import b64decode, b64encode, urlsafe_b64encode
from typing import Final

from mailbox_operator.mail.errors import SaslError

DIGESTS: Final = {"SCRAM-SHA-256": "sha256", "SCRAM-SHA-1": "sha1"}
FEWEST_ROUNDS: Final = 4096
"""RFC 5802 section 5.1; fewer would make a recorded exchange cheap to search."""
MOST_ROUNDS: Final = 600_000
"""A third of a second; the server chooses the number."""
MOST_HEARD: Final = 256
"""Characters of a refusal that are kept."""
HEADER: Final = "n,,"  # RFC 5802 section 7: no channel binding, no other identity


def new_nonce() -> str:
    """Return a client's nonce."""
    return urlsafe_b64encode(os.urandom(24)).decode()


class Scram:
    """One exchange: two messages of ours, and the server proves that it knows the password too."""

    def __init__(self, name: str, *, username: str, password: str, nonce: str) -> None:
        self.name = name
        self.refusal = ""
        self._digest = DIGESTS[name]
        from mailbox_operator.mail.saslprep import saslprep  # noqa: PLC0415 - its tables; a fetcher pays for what it uses

        try:
            self._password = saslprep(password).encode()
            user = saslprep(username).replace("=", "=3D").replace(",", "=2C")
        except ValueError as error:
            raise SaslError(f"malformed credential: it holds {error}") from None
        self._nonce = nonce
        self._first = f"n={user},r={nonce}"
        self._expected: bytes | None = None
        self._proven = False

    @property
    def initial(self) -> bytes:
        """The client's first message."""
        return (HEADER + self._first).encode()

    def answer(self, challenge: bytes) -> bytes:
        """Return the answer to a challenge. Raises SaslError."""
        text = challenge.decode("utf-8", "replace")
        return self._prove(text) if self._expected is None else self._hear_proof(text)

    def conclude(self) -> None:
        """Call this when the server says that all is well. Raises SaslError: it has not proven itself."""
        if not self._proven:
            raise SaslError("the server did not prove that it knows the password")

    def _prove(self, server_first: str) -> bytes:
        nonce, salt, rounds = _parse(server_first)
        if not nonce.startswith(self._nonce) or len(nonce) == len(self._nonce):
            raise SaslError("the server answered with a foreign nonce")
        if not FEWEST_ROUNDS <= rounds <= MOST_ROUNDS:
            raise SaslError(f"the server asks for {rounds} rounds, not {FEWEST_ROUNDS} to {MOST_ROUNDS}")
        final = f"c={b64encode(HEADER.encode()).decode()},r={nonce}"
        heard = f"{self._first},{server_first},{final}".encode()
        salted = hashlib.pbkdf2_hmac(self._digest, self._password, salt, rounds)
        client_key = self._hmac(salted, b"Client Key")
        signature = self._hmac(hashlib.new(self._digest, client_key).digest(), heard)
        proof = bytes(a ^ b for a, b in zip(client_key, signature, strict=True))
        self._expected = self._hmac(self._hmac(salted, b"Server Key"), heard)
        return f"{final},p={b64encode(proof).decode()}".encode()

    def _hear_proof(self, server_final: str) -> bytes:
        if self._proven or self.refusal:
            raise SaslError(f"the server asks more of {self.name} than there is to say")
        kind, _, value = server_final.partition(",")[0].partition("=")
        if kind == "e":  # RFC 5802 section 7: the refusal itself follows
            self.refusal = value[:MOST_HEARD] or "no reason told"
        elif kind != "v" or not hmac.compare_digest(_decode(value), self._expected or b""):
            raise SaslError("the server does not know the password: it may be another's")
        else:
            self._proven = True
        return b""

    def _hmac(self, key: bytes, text: bytes) -> bytes:
        return hmac.digest(key, text, self._digest)


def _parse(server_first: str) -> tuple[str, bytes, int]:
    fields = dict(part.partition("=")[::2] for part in server_first.split(","))
    if "m" in fields:  # RFC 5802 section 5.1: an extension that must be understood
        raise SaslError("the server asks for an extension of SCRAM that is not known here")
    try:
        rounds = int(fields["i"]) if len(fields["i"]) <= len(str(MOST_ROUNDS)) + 1 else MOST_ROUNDS + 1
        return fields["r"], _decode(fields["s"]), rounds
    except (KeyError, ValueError):
        raise SaslError("the server's first message is no SCRAM") from None


def _decode(text: str) -> bytes:
    try:
        return b64decode(text, validate=True)
    except ValueError:
        raise SaslError("the server's message is no SCRAM") from None
