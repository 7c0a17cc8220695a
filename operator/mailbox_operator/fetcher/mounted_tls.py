"""Where a server is and how its certificate is judged, from the plan and the files that it names."""

import ssl
from collections.abc import Callable
from pathlib import Path

from mailbox_operator.fetcher.plan import Source
from mailbox_operator.fetcher.watched_file import WatchedFile
from mailbox_operator.mail.endpoint import Endpoint, TlsOptions
from mailbox_operator.mail.errors import Area, MailError
from mailbox_operator.mail.tls import client_context


def endpoint_of(source: Source) -> Endpoint:
    """Return where a source's server is, and how it is secured. Raises MailError: the CA file cannot be read."""
    ca_pem = read_text(source.ca_file) if source.ca_file else None
    tls = TlsOptions(
        ca_pem=ca_pem,
        server_name=source.server_name,
        minimum_version=source.minimum_tls_version,
        insecure_skip_verify=source.insecure_skip_verify,
    )
    return Endpoint(
        protocol=source.protocol,
        host=source.host,
        port=source.port,
        security=source.security,
        tls=tls,
        path=source.path,
    )


def context_from(
    ca_file: WatchedFile | None, *, make: Callable[[TlsOptions], ssl.SSLContext] = client_context
) -> ssl.SSLContext:
    """Return a context that trusts what a file holds, or the system's authorities; `make` is of `mail.tls`. Raises MailError."""
    if ca_file is None:
        return make(TlsOptions())
    ca_pem = (ca_file.content or b"").decode("utf-8", "replace")
    if not ca_pem.strip():  # to the library that would mean: the system's authorities
        raise MailError("the CA bundle is empty or cannot be read", area=Area.POLICY)
    return make(TlsOptions(ca_pem=ca_pem))


def read_text(path: str) -> str:
    """Read a small mounted file. Raises MailError, which names it."""
    try:
        return Path(path).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise MailError(f"{path} cannot be read: {error}", area=Area.POLICY) from error
