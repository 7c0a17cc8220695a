"""How a server's certificate is judged, from the plan and the files that it names."""

from pathlib import Path

from mailbox_operator.fetcher.plan import Source
from mailbox_operator.mail.endpoint import TlsOptions
from mailbox_operator.mail.errors import Area, MailError


def tls_options(source: Source) -> TlsOptions:
    """Return how the certificate is judged. Raises MailError: the CA file cannot be read."""
    ca_pem = read_text(source.ca_file) if source.ca_file else None
    return TlsOptions(
        ca_pem=ca_pem,
        server_name=source.server_name,
        minimum_version=source.minimum_tls_version,
        insecure_skip_verify=source.insecure_skip_verify,
    )


def read_text(path: str) -> str:
    """Read a small mounted file. Raises MailError, which names it."""
    try:
        return Path(path).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise MailError(f"{path} cannot be read: {error}", area=Area.POLICY) from error
