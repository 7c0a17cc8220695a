"""What `mailbox-operator fetch` is asked for."""

from pathlib import Path
from typing import Final, Literal

from mailbox_operator.values import dataclass

Shown = Literal["auto", "bar", "json", "none"]

PROGRESS: Final = ("auto", "bar", "json", "none")
LOG_LEVELS: Final = ("debug", "info", "warning", "error")
SHORTEST_SILENCE: Final = 1.0
USUAL_SILENCE: Final = 60.0
HIGHEST_PORT: Final = 65535


@dataclass(frozen=True, slots=True, kw_only=True)
class FetchCommand:
    """The options, as `mailbox-operator fetch --help` explains them. Either `files` or `plan` is given."""

    files: tuple[str, ...] = ()
    name: str | None = None
    to: str | None = None
    password_stdin: bool = False
    secrets_from: Path | None = None
    ca_file: Path | None = None
    plan: Path | None = None
    checkpoint: str
    once: bool = False
    progress: Shown = "auto"
    listen: tuple[str, int] | None = None
    silence: float = USUAL_SILENCE
    allow_loopback: bool = False
    log_level: str | None = None


def parse_listen(value: str) -> tuple[str, int] | None:
    """Read `ADDRESS:PORT`, `:PORT` or `none`. Raises ValueError."""
    if value == "none":
        return None
    host, colon, port = value.rpartition(":")
    if not colon or not port.isdecimal() or len(port) > len(str(HIGHEST_PORT)) or int(port) > HIGHEST_PORT:
        raise ValueError(f"ADDRESS:PORT, :PORT or none is needed, with a port of at most {HIGHEST_PORT}")
    return host.strip("[]"), int(port)
