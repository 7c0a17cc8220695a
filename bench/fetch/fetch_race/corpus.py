"""A seeded corpus of mail: message i depends on seed and i only, so that every run sees the same octets.

Sizes are log-normal around 12 KiB; 1.2 % carry attachments up to 5 MB; 10,000 messages are 370 MB. On purpose there are
folded headers, encoded words, raw UTF-8, quoted-printable, nested messages, lines that look like IMAP, lines of 998
octets, bodies without a final newline and empty ones. Each has `X-Bench-Id: i`, to count what arrived.
Small messages are plain text of 2 KiB.
"""

import base64
import math
import os
import random
import shutil
from email.utils import formatdate
from pathlib import Path
from typing import Final

SMALL: Final = 2_048
EPOCH: Final = 1_735_689_600
SUBJECTS: Final = ("Résumé für Müller", "会議の議事録", "Счёт за октябрь", "Données trimestrielles", "Ελληνικά νέα")
PEOPLE: Final = ("Ada Lovelace", "Grace Hopper", "Alan Turing", "Barbara Liskov", "Margaret Hamilton", "Radia Perlman")
DOMAINS: Final = ("example.com", "example.org", "mail.example.net", "lists.example.com")
PROSE: Final = (
    "the of and to in for that with on is by from this be are was have not you all there been if more when will who so "
    "out them only other time new some could these two may first any such like our over most made after many before must "
    "well through years where your way should because long each just state those people too mr how little good world "
    "invoice meeting shipment quarterly report attached regards schedule deployment customer ticket"
)
WORDS: Final = tuple(PROSE.split())
TRAPS: Final = (
    ".",
    "..",
    ".leading dot",
    "From here to eternity",
    "From x@example.com Thu Jan  1 00:00:00 2026",
    ") FLAGS (\\Seen) UID 7 BODY[] {12}",
    "A1 OK FETCH completed",
    "* 3 FETCH (UID 3 BODY[] {5}",
    "+ idling",
    "-- ",
)


class Corpus:
    """Makes messages."""

    def __init__(self, seed: str = "1") -> None:
        self._seed = seed
        chance = random.Random("paragraphs")  # noqa: S311 - the same for everybody
        self._paragraphs = [self._paragraph(chance) for _ in range(2000)]

    def message(self, number: int) -> tuple[bytes, int]:
        """Return message `number` with LF line ends, and when it arrived (seconds since the epoch)."""
        chance = random.Random(f"{self._seed}/{number}")  # noqa: S311 - as above
        size = int(min(300_000, max(1_500, 12_288 * math.exp(chance.gauss(0, 1.05)))))
        header, arrived = self._header(chance, number)
        room = max(64, size - sum(map(len, header)) - 200)
        boundary = f"=_bench_{chance.getrandbits(64):016x}"
        kind = chance.random()
        if kind < 0.012:
            octets = int(min(3_600_000, max(60_000, 700_000 * math.exp(chance.gauss(0, 1.1)))))
            header.append(f'Content-Type: multipart/mixed; boundary="{boundary}"')
            body = (
                f"--{boundary}\nContent-Type: text/plain; charset=utf-8\n\ncafé {self._text(chance, 1200)}\n--{boundary}\n"
                "Content-Type: application/pdf\nContent-Disposition: attachment;\n\tfilename=doc.pdf\n"
                f"Content-Transfer-Encoding: base64\n\n{_base64(chance, octets)}--{boundary}--\n"
            )
        elif kind < 0.35:
            header.append(f'Content-Type: multipart/alternative;\n boundary="{boundary}"')
            html = "".join(
                f'<p style=3D"margin:0">{part}</p>\n' for part in self._text(chance, room // 2).split("\n\n")
            )
            body = (
                f"--{boundary}\nContent-Type: text/plain; charset=utf-8\n\nemoji 🎉 {self._text(chance, room // 3)}\n"
                f"--{boundary}\nContent-Type: text/html\nContent-Transfer-Encoding: quoted-printable\n\n{html}\n--{boundary}--\n"
            )
        elif kind < 0.42:
            inner, _ = self._header(chance, -1)
            header.append(f'Content-Type: multipart/mixed; boundary="{boundary}"')
            nested = "\n".join(inner) + "\n\n" + self._text(chance, room)
            body = f"--{boundary}\nContent-Type: message/rfc822\n\n{nested}\n--{boundary}--\n"
        elif kind < 0.425:
            body = ""
        else:
            header.append("Content-Type: text/plain; charset=utf-8")
            body = self._text(chance, room)
            body = body.rstrip("\n") if chance.random() < 0.05 else body
        return ("\n".join(header) + "\n\n" + body).encode(), arrived

    def small_message(self, number: int) -> tuple[bytes, int]:
        """Return message `number` of those with 2 KiB."""
        chance = random.Random(f"{self._seed}/small/{number}")  # noqa: S311 - as above
        header, arrived = self._header(chance, number)
        text = self._paragraphs[number % 2000] + self._paragraphs[number % 1999] + self._paragraphs[number % 1997]
        head = "\n".join(header) + "\n\n"
        return (head + text[: max(64, SMALL - len(head))].rstrip("\n") + "\n").encode(), arrived

    def _header(self, chance: random.Random, number: int) -> tuple[list[str], int]:
        arrived = EPOCH + max(number, 0) * 97 + chance.randrange(60)
        date, sender, domain = formatdate(arrived), chance.choice(PEOPLE), chance.choice(DOMAINS)
        lines = [
            f"Received: from mx{hop}.{domain} (mx{hop}.{domain} [192.0.2.{chance.randrange(1, 255)}])\n"
            f"\tby in{hop}.example.net (Postfix) with ESMTPS id {chance.getrandbits(48):012X}\n\tfor <user@example.net>; {date}"
            for hop in range(chance.randrange(2, 6))
        ]
        signature = "\n\t ".join(base64.b64encode(chance.randbytes(144)).decode()[k : k + 64] for k in (0, 64, 128))
        lines.append(
            f"DKIM-Signature: v=1; a=rsa-sha256; d={domain}; s=s1;\n\tt={arrived}; h=from:to;\n\tb={signature}"
        )
        lines += [f"Date: {date}", f'From: "{sender}" <{sender.split()[0].lower()}@{domain}>', "To: <user@example.net>"]
        if chance.random() < 0.12:
            encoded = base64.b64encode(chance.choice(SUBJECTS).encode()).decode()
            lines.append(f"Subject: =?utf-8?B?{encoded}?= {number}")
        else:
            lines.append(f"Subject: {' '.join(chance.choices(WORDS, k=chance.randrange(3, 9)))} {number}")
        lines.append(f"Message-ID: <{number}.{chance.getrandbits(64):016x}@{domain}>")
        if chance.random() < 0.4:
            lines.append(
                "References: " + "\n ".join(f"<{number - k}@{domain}>" for k in range(1, chance.randrange(2, 10)))
            )
        if number >= 0:
            lines.append(f"X-Bench-Id: {number}")
        return [*lines, "MIME-Version: 1.0"], arrived

    def _text(self, chance: random.Random, size: int) -> str:
        """Return about `size` octets of prose."""
        parts, length = [], 0
        while length < size:
            part = self._paragraphs[chance.randrange(2000)][: max(1, size - length)]
            parts.append(part)
            length += len(part)
        if chance.random() < 0.15:
            parts.insert(chance.randrange(len(parts)), "".join(f"{trap}\n" for trap in chance.sample(TRAPS, 4)))
        if chance.random() < 0.02:
            parts.append("x" * chance.randrange(200, 998) + "\n")
        return "".join(parts)

    def _paragraph(self, chance: random.Random) -> str:
        lines, line = [], ""
        for word in chance.choices(WORDS, k=chance.randrange(20, 120)):
            if len(line) + len(word) > 71:
                lines.append(line)
                line = ""
            line = f"{line} {word}" if line else word
        return "\n".join([*lines, line]) + ".\n\n"


def _base64(chance: random.Random, octets: int) -> str:
    return base64.encodebytes(chance.randbytes(octets)).decode()


def fill_maildir(maildir: Path, *, count: int, small: bool, owner: str) -> int:
    """Write `count` messages into `cur/`, sizes in their names as a server's own are; return the octets."""
    corpus, total = Corpus(), 0
    message = corpus.small_message if small else corpus.message
    for folder in ("cur", "new", "tmp"):
        (maildir / folder).mkdir(parents=True, exist_ok=True)
    for number in range(count):
        octets, arrived = message(number)
        wire = len(octets) + octets.count(b"\n")
        path = maildir / f"cur/{arrived}.M{number:07d}P1.bench,S={len(octets)},W={wire}:2,"
        path.write_bytes(octets)
        os.utime(path, (arrived, arrived))
        shutil.chown(path, owner, owner)
        total += wire
    return total
