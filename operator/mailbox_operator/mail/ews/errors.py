"""What an Exchange server, or a library on the way to it, says of a failure, as evidence."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from html import unescape
from typing import Final
from urllib.parse import urlsplit

import requests
import urllib3
from exchangelib.errors import (
    AutoDiscoverError,
    ErrorServerBusy,
    EWSError,
    ResponseMessageError,
)
from lxml.etree import LxmlError
from spnego.exceptions import SpnegoError

from mailbox_operator.mail.errors import Area, MailError

MOST_QUOTED: Final = 512
TELLING: Final = (
    "retry-after",
    "www-authenticate",
    "x-ms-diagnostics",
    "x-caserrorcode",
    "ms-diagnostics-public",
    "location",
)
TITLE: Final = re.compile(rb"(?is)<title[^>]*>(.{0,200}?)</title>")
LIBRARY_FAULTS: Final = (
    EWSError,
    LxmlError,
    SpnegoError,
    requests.RequestException,
    urllib3.exceptions.HTTPError,
    OSError,
)
PARSING_FAULTS: Final = (KeyError, ValueError, TypeError, AttributeError, IndexError)
"""What exchangelib lets through where an answer lacks what it takes for granted."""


@contextmanager
def ews_errors() -> Iterator[None]:
    """Turn what the libraries raise into MailError."""
    try:
        yield
    except LIBRARY_FAULTS as error:
        raise _ews_error(error) from None
    except PARSING_FAULTS as error:
        raise MailError(f"an answer that is none of Exchange's: {error!r}"[:MOST_QUOTED], area=Area.EWS) from error


def http_error(answer: requests.Response) -> MailError:
    """Return an HTTP answer that is no SOAP answer as evidence; the password is masked by whoever knows it."""
    status, reason = answer.status_code, answer.reason or ""
    found = TITLE.search(answer.content[:4096]) if not answer.raw.closed else None
    title = unescape(found[1].decode("utf-8", "replace")) if found else ""
    headers = tuple((name, answer.headers[name][:MOST_QUOTED]) for name in TELLING if name in answer.headers)
    said = [f"HTTP {status} {reason}".strip(), " ".join(title.split())]
    said += [f"{name}: {value}" for name, value in headers if name.startswith("x-")]
    if answer.headers.get("Retry-After", "").isdecimal():
        said.append(f"retry after {answer.headers['Retry-After']} s")
    if status in (301, 302, 303, 307, 308):
        said.append(f"redirected to {_without_query(answer.headers.get('Location', ''))}")
    return MailError(
        ", ".join(part for part in said if part)[:MOST_QUOTED], area=Area.EWS, status=str(status), headers=headers
    )


def _ews_error(error: Exception) -> MailError:
    text = " ".join(str(error).split())
    code = type(error).__name__ if isinstance(error, ResponseMessageError | ErrorServerBusy) else ""
    if isinstance(error, AutoDiscoverError):
        code = "AutoDiscoverFailed"
    headers: tuple[tuple[str, str], ...] = ()
    if isinstance(error, ErrorServerBusy) and error.back_off:
        headers = (("retry-after", f"{error.back_off:g}"),)
        text = f"{text} (BackOffMilliseconds: {error.back_off * 1000:.0f})"
    said = f"{code}: {text}" if code and code not in text else text or type(error).__name__
    return MailError(said[:MOST_QUOTED], area=Area.EWS, vendor_code=code, headers=headers)


def _without_query(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}{parts.path}" if parts.netloc else parts.path
