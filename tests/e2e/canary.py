"""A password that is recognised wherever it comes out, and ears for all that the operator and its fetchers emit."""

import quopri
import re
import subprocess
from base64 import b64encode
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final
from urllib.parse import quote, quote_plus

from support.kube import Kube

CANARY: Final = "Canary-7Zq2/vXw9+=%"
"""Part of every password in the end-to-end tests. It is written otherwise in URLs, in base64 and in quoted-printable."""
WATCHED: Final = {"mailboxes": ".status", "events.events.k8s.io": ".note", "configmaps": ".data"}
"""What is heard of each kind of object: not the spec, which people write."""


def base64_forms(text: str) -> set[str]:
    """Return what shows in base64 of anything that holds `text`, wherever it begins there."""
    found = set()
    for before in range(3):
        encoded = b64encode(b"\0" * before + text.encode()).decode().rstrip("=")
        found.add(encoded[-(-before * 8 // 6) : -2])  # the characters at both ends depend on what is beside it
    return found


FORMS: Final = frozenset(
    {
        CANARY,
        CANARY.lower(),
        CANARY[::-1],
        quote(CANARY),
        quote(CANARY, safe=""),
        quote_plus(CANARY),
        quopri.encodestring(CANARY.encode()).decode().strip(),
        CANARY.encode().hex(),
        *base64_forms(CANARY),
        *(quote(one, safe="") for one in base64_forms(CANARY)),
        *(one.replace("+", "-").replace("/", "_") for one in base64_forms(CANARY)),
    }
)
SHOWN: Final = re.compile("|".join(re.escape(one) for one in sorted(FORMS)))


@dataclass(slots=True)
class Ears:
    """What was emitted, by where it came from."""

    folder: Path
    said: dict[str, str] = field(default_factory=dict)

    def hear(self, source: str, text: str) -> None:
        """Take a text that came out."""
        self.said[source] = text

    def leaks(self) -> list[str]:
        """Return where the canary was heard, with what is around it."""
        texts = self.said | {path.stem: path.read_text(errors="replace") for path in self.folder.glob("*.watch")}
        assert texts["mailboxes"], "the watches were listened to"
        return [
            f"{source}: {text[max(0, found.start() - 200) : found.end() + 50]!r}"
            for source, text in texts.items()
            for found in SHOWN.finditer(text)
        ]


@contextmanager
def listening(kube: Kube, folder: Path) -> Iterator[Ears]:
    """Hear every change of what is `WATCHED`, in all namespaces, from now on."""
    with ExitStack() as stack:
        for kind, part in WATCHED.items():
            output = stack.enter_context((folder / f"{kind}.watch").open("wb"))
            command = kube.command("get", kind, "--all-namespaces", "--watch", "-o", f"jsonpath={{{part}}}{{'\\n'}}")
            watch = stack.enter_context(subprocess.Popen(command, stdout=output, stderr=subprocess.DEVNULL))
            stack.callback(watch.terminate)
        yield Ears(folder)
