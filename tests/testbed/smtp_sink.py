"""Postfix' own test server, `smtp-sink`, as an LMTP server without CHUNKING."""

import contextlib
import re
import shutil
import socket
import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from support.kube import until

STAMP: Final = re.compile(rb"Received: .*\n(?:[ \t].*\n)*")
"""The last field that it adds at the top."""


@dataclass(kw_only=True)
class SmtpSink:
    """Started and stopped as a test likes; what it was sent stays in `folder`."""

    folder: Path
    port: int
    options: tuple[str, ...] = ()
    process: subprocess.Popen[bytes] | None = field(default=None)

    def start(self) -> None:
        """Listen."""
        program = shutil.which("smtp-sink", path="/usr/sbin:/usr/bin")
        assert program
        where = ("-u", "root", "-R", str(self.folder), "-d", "message.")
        self.process = subprocess.Popen(
            [program, "-L", *where, *self.options, f"127.0.0.1:{self.port}", "100"], stderr=subprocess.DEVNULL
        )
        until(self._listens, seconds=5, what="smtp-sink listens", pause=0.01)

    def _listens(self) -> bool:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), timeout=1):
            return True
        return False

    def stop(self) -> None:
        """Be gone."""
        if self.process:
            self.process.kill()
            self.process.wait(timeout=60)
            self.process = None

    def messages(self) -> list[bytes]:
        """Return what was taken, without what it adds at both ends."""
        files = (file.read_bytes() for file in self.folder.iterdir())
        return [STAMP.split(octets, maxsplit=1)[1].removesuffix(b"\n").replace(b"\n", b"\r\n") for octets in files]
