"""The barest loop: imaplib's login, EXAMINE and logout over TLS, so many at once, and nothing else."""

import imaplib
import ssl
import time
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor

from reverify_race.server import PASSWORD, PORT, Server, user


def run_bare(server: Server, names: Iterable[str], *, parallel: int) -> float:
    """Look into each mailbox and return the seconds that all of it took."""
    context = ssl.create_default_context(cadata=server.ca_pem)  # once, in favour of the loop
    context.check_hostname = False  # the operator is told the name; imaplib takes the host for it

    def look(name: str) -> None:
        session = imaplib.IMAP4_SSL(server.address, PORT, ssl_context=context, timeout=30)
        session.login(user(name), PASSWORD)
        session.select("INBOX", readonly=True)
        session.logout()

    started = time.monotonic()
    with ThreadPoolExecutor(parallel) as pool:
        for _ in pool.map(look, names):
            pass
    return time.monotonic() - started
