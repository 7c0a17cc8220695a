"""Debian packages of the peers; tests do not need them, so `make setup` does not bring them."""

from collections.abc import Iterable
from typing import Final

from support.bootstrap import install_packages

PROGRAMS: Final = {
    "isync": "/usr/bin/mbsync",
    "mpop": "/usr/bin/mpop",
    "getmail6": "/usr/bin/getmail",
    "fetchmail": "/usr/bin/fetchmail",
    "offlineimap3": "/usr/bin/offlineimap",
}


def install(packages: Iterable[str]) -> None:
    """Install what is missing, or say what to install."""
    install_packages({name: PROGRAMS[name] for name in sorted(packages)})
