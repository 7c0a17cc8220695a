"""A private CA, and server certificates good and deliberately bad."""

import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Final

SCRIPT: Final = Path(__file__).with_name("make-pki.sh")


@dataclass(frozen=True, slots=True)
class Pki:
    """A folder with NAME.pem and NAME.key for `server`, `wronghost`, `untrusted`, `expired` and `shortlived`."""

    folder: Path

    @classmethod
    def make(cls, folder: Path, *names: str) -> "Pki":
        """Make it; `names` are further DNS names of the good certificate."""
        subprocess.run(["sh", SCRIPT, folder, *names], check=True, capture_output=True, timeout=60)
        return cls(folder)

    def certificate(self, name: str = "server") -> Path:
        """Return a certificate's file."""
        return self.folder / f"{name}.pem"

    def key(self, name: str = "server") -> Path:
        """Return its key's file."""
        return self.folder / f"{name}.key"

    @property
    def ca_pem(self) -> str:
        """The good CA's certificate."""
        return (self.folder / "ca.pem").read_text()
