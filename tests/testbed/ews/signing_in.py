"""Who is at the other end of a connection: Basic, NTLM, bearer, each checked for real."""

import base64
import binascii

from testbed.ews.ntlm import Handshake, NtlmError
from testbed.ews.state import State
from testbed.ews.world import Account


class Doorkeeper:
    """One connection's. `judge` the header of each request; NTLM holds for the connection, the others for the request."""

    def __init__(self, state: State, *, certificate: bytes | None) -> None:
        self._state = state
        self._certificate = certificate
        self._handshake: Handshake | None = None
        self._ntlm: Account | None = None

    def judge(self, header: str | None) -> tuple[Account | None, list[str]]:
        """Return who asks, or None and the WWW-Authenticate header fields."""
        if header is None:
            return self._ntlm, self._offers()
        scheme, _, value = header.partition(" ")
        if scheme not in self._state.schemes and scheme != "Bearer":
            return None, self._offers()
        if scheme in ("NTLM", "Negotiate"):
            return self._judge_ntlm(scheme, value)
        found, name = (self._basic if scheme == "Basic" else self._bearer)(value)
        self._state.sign_ins.append((scheme, name, found is not None))
        return found, self._offers()

    def _judge_ntlm(self, scheme: str, value: str) -> tuple[Account | None, list[str]]:
        try:
            token = base64.b64decode(value, validate=True)
            if self._handshake is None:
                self._handshake = Handshake(certificate=self._certificate)
                return None, [f"{scheme} {base64.b64encode(self._handshake.challenge(token)).decode()}"]
            handshake, self._handshake = self._handshake, None
            proof = handshake.verify(token, self._password_of)
        except (NtlmError, binascii.Error, UnicodeDecodeError) as error:
            self._handshake = None
            self._state.sign_ins.append((scheme, str(error), False))
            return None, self._offers()
        self._ntlm = self._state.signer(proof.user)
        self._state.sign_ins.append((scheme, proof.user, True))
        return self._ntlm, self._offers()

    def _password_of(self, domain: str, user: str) -> str | None:
        account = self._state.signer(user)
        if account is None or account.disabled or domain.upper() not in ("", self._state.domain):
            return None
        return account.password

    def _basic(self, value: str) -> tuple[Account | None, str]:
        try:
            name, colon, password = base64.b64decode(value, validate=True).decode().partition(":")
        except (binascii.Error, UnicodeDecodeError):
            return None, "?"
        account = self._state.signer(name)
        good = bool(colon) and account is not None and not account.disabled and account.password == password
        return account if good else None, name

    def _bearer(self, value: str) -> tuple[Account | None, str]:
        address = self._state.tokens.get(value, "")
        return self._state.account(address), address

    def _offers(self) -> list[str]:
        return ['Basic realm="exchange.peers.test"' if one == "Basic" else one for one in self._state.schemes]
