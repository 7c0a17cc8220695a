"""The server's side of NTLMv2 in HTTP ([MS-NLMP], [MS-NTHT]): challenge, and a check of what the client proves with it."""

import hashlib
import hmac
import os
import struct
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

Mix = Callable[[int, int, int], int]

SIGNATURE: Final = b"NTLMSSP\0"
DOMAIN: Final = "PEERS"
COMPUTER: Final = "EXCHANGE"

UNICODE, REQUEST_TARGET, SIGN, SEAL, NTLM, ALWAYS_SIGN = 0x1, 0x4, 0x10, 0x20, 0x200, 0x8000
TARGET_TYPE_DOMAIN, EXTENDED_SESSION_SECURITY, TARGET_INFO = 0x10000, 0x80000, 0x800000
VERSION, KEY_128, KEY_EXCHANGE, KEY_56 = 0x2000000, 0x20000000, 0x40000000, 0x80000000
FLAGS: Final = (
    UNICODE
    | REQUEST_TARGET
    | NTLM
    | ALWAYS_SIGN
    | TARGET_TYPE_DOMAIN
    | EXTENDED_SESSION_SECURITY
    | TARGET_INFO
    | SIGN
    | SEAL
    | VERSION
    | KEY_128
    | KEY_EXCHANGE
    | KEY_56
)
ALWAYS_SET: Final = NTLM | TARGET_TYPE_DOMAIN | TARGET_INFO | VERSION
AV_END, AV_COMPUTER, AV_DOMAIN, AV_FLAGS, AV_TIMESTAMP, AV_CHANNEL = 0, 1, 2, 6, 7, 10
MIC_PRESENT: Final = 0x2
EPOCH: Final = 116444736000000000  # 1970 as a FILETIME
MIC_OFFSET: Final = 72
NTLM_V1_OCTETS: Final = 24


class NtlmError(Exception):
    """The client has not proven what it says."""


@dataclass(frozen=True, slots=True)
class Proof:
    """Who has signed in."""

    domain: str
    user: str
    has_channel_binding: bool


class Handshake:
    """One connection's handshake: `challenge` for the first token, `verify` for the second."""

    def __init__(self, *, certificate: bytes | None) -> None:
        self._challenge = os.urandom(8)
        self._negotiate = b""
        self._sent = b""
        self._certificate = certificate

    def challenge(self, token: bytes) -> bytes:
        """Return the CHALLENGE_MESSAGE (section 2.2.1.2). Raises NtlmError."""
        if token[:12] != SIGNATURE + struct.pack("<I", 1):
            raise NtlmError("no NEGOTIATE_MESSAGE")
        (asked,) = struct.unpack("<I", token[12:16])
        self._negotiate = token
        target = DOMAIN.encode("utf-16-le")
        now = struct.pack("<Q", EPOCH + int(time.time() * 10_000_000))
        info = b"".join(
            struct.pack("<HH", kind, len(value)) + value
            for kind, value in (
                (AV_DOMAIN, target),
                (AV_COMPUTER, COMPUTER.encode("utf-16-le")),
                (AV_TIMESTAMP, now),
                (AV_END, b""),
            )
        )
        head = 56
        self._sent = (
            SIGNATURE
            + struct.pack("<I", 2)
            + struct.pack("<HHI", len(target), len(target), head)
            + struct.pack("<I", FLAGS & (asked | ALWAYS_SET))
            + self._challenge
            + bytes(8)
            + struct.pack("<HHI", len(info), len(info), head + len(target))
            + bytes((10, 0, 0x63, 0x45, 0, 0, 0, 15))
            + target
            + info
        )
        return self._sent

    def verify(self, token: bytes, password_of: Callable[[str, str], str | None]) -> Proof:
        """Check the AUTHENTICATE_MESSAGE (section 2.2.1.3). Raises NtlmError."""
        if not self._sent or token[:12] != SIGNATURE + struct.pack("<I", 3):
            raise NtlmError("no AUTHENTICATE_MESSAGE")
        response = _field(token, 20)
        domain, user = (_field(token, offset).decode("utf-16-le") for offset in (28, 36))
        if len(response) <= NTLM_V1_OCTETS:
            raise NtlmError("NTLMv1 is refused")
        password = password_of(domain, user)
        if password is None:
            raise NtlmError("no such user")
        owf = _hmac(md4(password.encode("utf-16-le")), (user.upper() + domain).encode("utf-16-le"))
        proof, temp = response[:16], response[16:]
        if not hmac.compare_digest(proof, _hmac(owf, self._challenge + temp)):
            raise NtlmError("wrong password")
        pairs = dict(_pairs(temp[28:]))
        if struct.unpack("<I", pairs.get(AV_FLAGS, bytes(4)))[0] & MIC_PRESENT:
            self._check_mic(token, base_key=_hmac(owf, proof))
        binding = pairs.get(AV_CHANNEL, bytes(16))
        if binding != bytes(16) and binding != self._binding():
            raise NtlmError("the channel binding is another's: somebody is between")
        return Proof(domain=domain, user=user, has_channel_binding=binding != bytes(16))

    def _check_mic(self, token: bytes, *, base_key: bytes) -> None:
        (flags,) = struct.unpack("<I", token[60:64])
        exchanged = flags & KEY_EXCHANGE and flags & (SIGN | SEAL)  # section 3.1.5.1.2
        key = rc4(base_key, _field(token, 52)) if exchanged else base_key
        blank = token[:MIC_OFFSET] + bytes(16) + token[MIC_OFFSET + 16 :]
        if not hmac.compare_digest(
            token[MIC_OFFSET : MIC_OFFSET + 16], _hmac(key, self._negotiate + self._sent + blank)
        ):
            raise NtlmError("the message integrity code is wrong")

    def _binding(self) -> bytes:
        """Return the hash of tls-server-end-point (RFC 5929 section 4, RFC 2744 section 3.11)."""
        if self._certificate is None:
            return bytes(16)
        data = b"tls-server-end-point:" + hashlib.sha256(self._certificate).digest()
        return hashlib.md5(bytes(16) + struct.pack("<I", len(data)) + data).digest()  # noqa: S324 - as specified


def _field(token: bytes, offset: int) -> bytes:
    length, _, start = struct.unpack("<HHI", token[offset : offset + 8])
    if start + length > len(token):
        raise NtlmError("a field points out of the message")
    return token[start : start + length]


def _pairs(octets: bytes) -> Iterator[tuple[int, bytes]]:
    while len(octets) >= 4:
        kind, length = struct.unpack("<HH", octets[:4])
        if kind == AV_END:
            return
        yield kind, octets[4 : 4 + length]
        octets = octets[4 + length :]


def _hmac(key: bytes, octets: bytes) -> bytes:
    return hmac.new(key, octets, "md5").digest()


def rc4(key: bytes, octets: bytes) -> bytes:
    """RC4, for the exchanged session key alone."""
    state = list(range(256))
    j = 0
    for i in range(256):
        j = (j + state[i] + key[i % len(key)]) & 0xFF
        state[i], state[j] = state[j], state[i]
    i = j = 0
    result = bytearray()
    for octet in octets:
        i = (i + 1) & 0xFF
        j = (j + state[i]) & 0xFF
        state[i], state[j] = state[j], state[i]
        result.append(octet ^ state[(state[i] + state[j]) & 0xFF])
    return bytes(result)


def md4(octets: bytes) -> bytes:
    """RFC 1320; OpenSSL 3 has it no longer."""
    mask = 0xFFFFFFFF
    padded = octets + b"\x80" + bytes((55 - len(octets)) % 64) + struct.pack("<Q", len(octets) * 8)
    state = [0x67452301, 0xEFCDAB89, 0x98BADCFE, 0x10325476]
    plain = tuple(range(16))
    rounds: tuple[tuple[Mix, int, tuple[int, ...], tuple[int, ...]], ...] = (
        (lambda x, y, z: (x & y) | (~x & z), 0, plain, (3, 7, 11, 19)),
        (
            lambda x, y, z: (x & y) | (x & z) | (y & z),
            0x5A827999,
            tuple(4 * (i % 4) + i // 4 for i in plain),
            (3, 5, 9, 13),
        ),
        (
            lambda x, y, z: x ^ y ^ z,
            0x6ED9EBA1,
            (0, 8, 4, 12, 2, 10, 6, 14, 1, 9, 5, 13, 3, 11, 7, 15),
            (3, 9, 11, 15),
        ),
    )
    for start in range(0, len(padded), 64):
        words = struct.unpack("<16I", padded[start : start + 64])
        a, b, c, d = state
        for mix, constant, order, shifts in rounds:
            for step, index in enumerate(order):
                total = (a + mix(b, c, d) + words[index] + constant) & mask
                shift = shifts[step % 4]
                a, b, c, d = d, ((total << shift) | (total >> (32 - shift))) & mask, b, c
        state = [(old + new) & mask for old, new in zip(state, (a, b, c, d), strict=True)]
    return struct.pack("<4I", *state)
