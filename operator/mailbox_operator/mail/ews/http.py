"""requests over our own dialler: the guard's addresses, the mailbox's authorities, no environment, no redirect, no flood."""

import http.client
import socket
import ssl
from collections.abc import Callable, Iterator
from typing import Any, Final

import requests
import urllib3
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection

from mailbox_operator.mail.endpoint import TlsOptions
from mailbox_operator.mail.errors import Area, MailError
from mailbox_operator.mail.ews.wire import READ_SECONDS, Wire
from mailbox_operator.mail.tls import http_context, negotiated, tls_error

PIECE: Final = 1 << 16
STREAM_SECONDS: Final = 120.0
"""Without a word; in a stream of notifications a server says every 45 seconds that it is there."""
HEADERS: Final = {
    "Content-Type": "text/xml; charset=utf-8",
    "Accept-Encoding": "identity",  # what is packed small may be large unpacked
    "User-Agent": "mailbox-operator",
}


class _Bounded:
    """The reading end of an answer, so much and no more."""

    def __init__(self, stream: Any, *, most: int) -> None:
        self._stream = stream
        self._most = self._left = most

    def read(self, *size: int) -> bytes:
        return self._count(self._stream.read(*size))

    def read1(self, *size: int) -> bytes:
        return self._count(self._stream.read1(*size))

    def readline(self, *size: int) -> bytes:
        return self._count(self._stream.readline(*size))

    def readinto(self, buffer: memoryview) -> int:
        count: int = self._stream.readinto(buffer)
        self._take(count)
        return count

    def _count(self, octets: bytes) -> bytes:
        self._take(len(octets))
        return octets

    def _take(self, count: int) -> None:
        self._left -= count
        if self._left < 0:
            raise MailError(f"the server sent more than {self._most} octets", area=Area.EWS)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


class _Dialled:
    """What both kinds of connection have of ours."""

    wire: Wire
    host: str
    port: int
    _lever = -1

    def _new_conn(self) -> socket.socket:
        self._lever, connection = self.wire.dial(self.host, self.port)
        return connection

    def response_class(self, sock: socket.socket, **options: Any) -> http.client.HTTPResponse:
        answer = http.client.HTTPResponse(sock, **options)
        answer.fp = _Bounded(answer.fp, most=self.wire.most_octets)  # type: ignore[assignment]  # it has what is used
        return answer

    def close(self) -> None:
        super().close()  # type: ignore[misc]  # the library's class comes after this one
        self.wire.forget(self._lever)


class _Plain(_Dialled, HTTPConnection):  # type: ignore[misc]  # response_class is a method here
    """Over TCP alone."""


class _Secured(_Dialled, HTTPSConnection):  # type: ignore[misc]  # the same
    """Over TLS, verified by name though connected by address."""

    def connect(self) -> None:
        name = self.server_hostname or self.host
        try:
            super().connect()
        except (ssl.SSLError, OSError) as error:
            raise tls_error(error, host=name) from error
        assert isinstance(self.sock, ssl.SSLSocket)  # noqa: S101 - no proxies here
        self.wire.negotiated = negotiated(self.sock)


class _Answer(requests.Response):
    """Read in large pieces where nobody says how large; the library's octet by octet costs 5 µs each."""

    piece = PIECE

    def iter_content(self, chunk_size: int | None = 1, decode_unicode: Any = False) -> Iterator[Any]:  # noqa: FBT002 - the library's
        return super().iter_content(self.piece if chunk_size == 1 else chunk_size, decode_unicode)


class GuardedAdapter(HTTPAdapter):
    """For a session of requests. Raises MailError for what goes wrong below HTTP."""

    def __init__(self, wire: Wire, tls: TlsOptions, *, name_of: str) -> None:
        """`name_of`: the host that `tls.server_name` is meant for."""
        self._wire = wire
        self._tls = tls
        self._name_of = name_of
        self._pools: dict[tuple[str, str, int], urllib3.HTTPConnectionPool] = {}
        super().__init__(max_retries=0)

    def send(self, request: requests.PreparedRequest, *_: Any, **options: Any) -> requests.Response:
        """Send a request; proxies and authorities of the environment have no say."""
        stream = bool(options.get("stream"))
        try:
            answer = super().send(request, stream=stream, timeout=STREAM_SECONDS if stream else READ_SECONDS)
        except requests.Timeout as error:
            raise MailError(f"no answer within {READ_SECONDS:g} s", area=Area.TCP) from error
        except requests.RequestException as error:
            root = _innermost(error)
            if isinstance(root, http.client.HTTPException) and not isinstance(root, OSError):
                raise MailError(f"no HTTP answer: {_words(root)}", area=Area.EWS) from error
            raise MailError(f"the connection broke: {_words(root)}", area=Area.TCP) from error
        if answer.headers.get("Content-Encoding", "identity").lower() != "identity":
            answer.close()
            raise MailError("the server sent a packed answer, which was not asked for", area=Area.EWS)
        if stream and isinstance(answer, _Answer):
            answer.piece = 1  # exchangelib looks for a document's end octet by octet
        return answer

    def build_response(self, req: requests.PreparedRequest, resp: Any) -> requests.Response:  # noqa: D102 - the library's
        made = _Answer()
        made.__dict__ |= super().build_response(req, resp).__dict__
        return made

    def get_connection_with_tls_context(  # noqa: D102 - the library's
        self, request: requests.PreparedRequest, *_: Any, **__: Any
    ) -> urllib3.HTTPConnectionPool:
        url = urllib3.util.parse_url(str(request.url))
        secured = url.scheme == "https"
        place = (url.scheme or "", (url.host or "").strip("[]"), url.port or (443 if secured else 80))
        if place not in self._pools:
            self._pools[place] = self._pool(*place[1:], secured=secured)
        return self._pools[place]

    def _pool(self, host: str, port: int, *, secured: bool) -> urllib3.HTTPConnectionPool:
        if not secured:
            made = urllib3.HTTPConnectionPool(host, port, maxsize=1, block=False)
            made.ConnectionCls = self._made_by(_Plain)
            return made
        name = self._tls.server_name if host == self._name_of else None
        made = urllib3.HTTPSConnectionPool(
            host, port, maxsize=1, block=False, ssl_context=http_context(self._tls), server_hostname=name
        )
        made.ConnectionCls = self._made_by(_Secured)
        return made

    def _made_by(self, kind: type[_Dialled]) -> Any:
        return type(kind.__name__, (kind,), {"wire": self._wire})

    def cert_verify(self, *_: Any, **__: Any) -> None:
        """Leave the context as it is: the library would add authorities of its own."""

    def close(self) -> None:
        """Close what is open."""
        for pool in self._pools.values():
            pool.close()
        super().close()


def open_http(wire: Wire, tls: TlsOptions, *, name_of: str, auth: Callable[..., Any] | None) -> requests.Session:
    """Return a session that goes by the guard."""
    session = requests.Session()
    session.trust_env = False
    session.headers.clear()
    session.headers.update(HEADERS)
    session.auth = auth
    session.adapters.clear()
    session.mount("", GuardedAdapter(wire, tls, name_of=name_of))
    wire.clients.append(session)
    return session


def _innermost(error: BaseException) -> BaseException:
    """Return what lies at the bottom of a pile of wrapped exceptions."""
    while error.__cause__ or error.__context__:
        error = error.__cause__ or error.__context__ or error
    return error


def _words(error: BaseException) -> str:
    return " ".join(str(error).split())[:256] or type(error).__name__
