"""The server: connections, HTTP, TLS; each request checked against the schemas, each answer too."""

import contextlib
import http.server
import socket
import ssl
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from http import HTTPStatus
from typing import Any, Final

from lxml import etree

from testbed.ews import autodiscover, folders, items, notifications, pox, soap, sync
from testbed.ews.call import Call
from testbed.ews.schemas import violations
from testbed.ews.signing_in import Doorkeeper
from testbed.ews.state import State
from testbed.ews.world import Account
from testbed.pki import Pki

EWS_PATH: Final = "/ews/exchange.asmx"
AUTODISCOVER: Final = {
    "/autodiscover/autodiscover.svc": autodiscover.user_settings,
    "/autodiscover/autodiscover.xml": pox.configuration,
}
"""What answers there: SOAP, plain XML."""
LARGEST_REQUEST: Final = 64 << 20
OPERATIONS: Final[Mapping[str, Callable[[Call], soap.Element]]] = {
    "ConvertId": folders.convert_id,
    "GetFolder": folders.get_folder,
    "FindFolder": folders.find_folder,
    "CreateFolder": folders.create_folder,
    "FindItem": items.find_item,
    "GetItem": items.get_item,
    "CreateItem": items.create_item,
    "UpdateItem": items.update_item,
    "MoveItem": items.move_item,
    "DeleteItem": items.delete_item,
    "SyncFolderItems": sync.sync_folder_items,
    "Subscribe": notifications.subscribe,
    "Unsubscribe": notifications.unsubscribe,
}
XML: Final = "text/xml; charset=utf-8"


class Handler(http.server.BaseHTTPRequestHandler):
    """One connection."""

    protocol_version = "HTTP/1.1"
    server_version = "Microsoft-IIS/10.0"
    sys_version = ""
    disable_nagle_algorithm = True
    timeout = 120
    server: "Server"

    def setup(self) -> None:
        certificate = None
        if self.server.context is not None:
            self.request.settimeout(self.timeout)
            self.request = self.server.context.wrap_socket(self.request, server_side=True)
            certificate = self.server.certificate
        super().setup()
        self.state = self.server.state
        self.keeper = Doorkeeper(self.state, certificate=certificate)
        self.server.connections.add(self.connection)

    def finish(self) -> None:
        self.server.connections.discard(self.connection)
        with contextlib.suppress(OSError):
            super().finish()
        self.connection.close()  # TLS took the accepted socket's descriptor away

    def do_GET(self) -> None:
        if self.state.misbehave(self, ""):
            return
        principal = self._principal()
        if principal is not None:
            self.reply(200, body=b"<html><body>Service</body></html>", headers={"Content-Type": "text/html"})

    def do_POST(self) -> None:
        octets = self._body()
        if octets is None or self.state.misbehave(self, ""):
            return
        principal = self._principal()
        if principal is None:
            return
        if answer := AUTODISCOVER.get(self.path.lower().partition("?")[0]):
            self._reply_xml(answer(self.state, octets))
        else:
            self._serve(principal, octets)

    def _principal(self) -> Account | None:
        """Return who asks; where nobody may, answer."""
        path = self.path.lower().partition("?")[0]
        if path != EWS_PATH and path not in AUTODISCOVER:
            self.reply(404, body=b"<html><body>404 - File or directory not found.</body></html>")
            return None
        principal, offers = self.keeper.judge(self.headers.get("Authorization"))
        if principal is None:
            self._send_head(401, [("WWW-Authenticate", offer) for offer in offers], length=0)
        return principal

    def _serve(self, principal: Account, asked: bytes) -> None:
        try:
            request = soap.parse(asked)
            self.state.operations.append(request.name)
            self._judge(request, principal)
            if self.state.misbehave(self, request.name):
                return
            call = Call(self.state, principal, request)
            if request.name == "GetStreamingEvents":
                self._stream(notifications.stream(call))
                return
            envelope, status = OPERATIONS[request.name](call), HTTPStatus.OK
        except soap.FaultError as error:
            envelope, status = soap.fault(error), HTTPStatus.INTERNAL_SERVER_ERROR
        self._check(envelope)
        octets = soap.to_octets(envelope)
        mangle = self.state.mangle
        self._reply_xml(mangle(self.state.operations[-1], octets) if mangle else octets, status=status)

    def _judge(self, request: soap.Request, principal: Account) -> None:
        """Refuse what the schemas do not allow, and what is not done here: both fail the test too."""
        if found := violations(request.envelope):
            self.state.violations += [f"request {request.name}: {one}" for one in found]
            raise soap.FaultError("ErrorSchemaValidation", f"The request failed schema validation: {found[0]}")
        if request.name not in OPERATIONS and request.name != "GetStreamingEvents":
            self.state.violations.append(f"operation {request.name} is not known here")
            raise soap.FaultError("ErrorInvalidRequest", f"The request is invalid: {request.name}")
        if principal.is_crowded:
            text = "You have exceeded the available concurrent connections for your account. Try again once your other requests have completed."
            raise soap.FaultError("ErrorExceededConnectionCount", text)

    def _check(self, envelope: soap.Element) -> None:
        self.state.violations += [f"answer: {one}" for one in violations(envelope)]

    def _stream(self, envelopes: Iterator[bytes]) -> None:
        self._send_head(200, [("Content-Type", XML), ("Transfer-Encoding", "chunked")], length=None)
        for octets in envelopes:
            self._check(etree.fromstring(octets))
            self.wfile.write(b"%x\r\n%s\r\n" % (len(octets), octets))
            self.wfile.flush()
        self.wfile.write(b"0\r\n\r\n")

    def reply(self, status: int, *, body: bytes = b"", headers: dict[str, str] | None = None) -> None:
        """Answer, whatever was asked."""
        self._send_head(status, list((headers or {}).items()), length=len(body))
        self.wfile.write(body)

    def _reply_xml(self, octets: bytes, *, status: int = HTTPStatus.OK) -> None:
        self.reply(status, body=octets, headers={"Content-Type": XML})

    def _send_head(self, status: int, headers: list[tuple[str, str]], *, length: int | None) -> None:
        self.send_response(status)
        for name, value in headers:
            self.send_header(name, value)
        self.send_header("X-FEServer", "EXCHANGE")
        if length is not None:
            self.send_header("Content-Length", str(length))
        self.end_headers()

    def _body(self) -> bytes | None:
        length = int(self.headers.get("Content-Length") or 0)
        if length > LARGEST_REQUEST:
            self.reply(413)
            return None
        return self.rfile.read(length)

    def log_message(self, *_: Any) -> None:
        """Say nothing: `State` keeps what a test may ask for."""


class Server(http.server.ThreadingHTTPServer):
    """Listens. A peer that leaves in the middle is no error."""

    daemon_threads = True
    request_queue_size = 64

    def __init__(self, address: tuple[str, int], state: State, pki: Pki | None, certificate: str) -> None:
        self.state = state
        self.context: ssl.SSLContext | None = None
        self.certificate = b""
        self.connections: set[socket.socket] = set()
        if pki is not None:
            self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self.context.load_cert_chain(pki.certificate(certificate), pki.key(certificate))
            self.certificate = ssl.PEM_cert_to_DER_cert(pki.certificate(certificate).read_text())
        super().__init__(address, Handler)

    def handle_error(self, *_: Any) -> None:
        error = sys.exc_info()[1]
        if not isinstance(error, OSError):
            self.state.violations.append(f"the server itself failed: {error!r}")

    def cut(self) -> None:
        """Break every connection."""
        for connection in list(self.connections):
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)


@contextmanager
def running_exchange(
    *, pki: Pki | None, address: str = "127.0.0.1", port: int = 0, certificate: str = "server", seed: int = 0
) -> Iterator["Exchange"]:
    """Run one. It fails the test at its end where a request or an answer was not as the schemas say."""
    state = State(seed=seed)
    server = Server((address, port), state, pki, certificate)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, name="exchange", daemon=True)
    thread.start()
    exchange = Exchange(state, server, secured=pki is not None)
    state.autodiscover_url = exchange.url()
    try:
        yield exchange
    finally:
        state.stopping.set()
        for account in state.accounts.values():
            with account.changed:
                account.changed.notify_all()
        server.shutdown()
        server.cut()
        server.server_close()
        thread.join(timeout=60)
    assert not state.violations, "\n".join(state.violations[:20])


class Exchange:
    """A running server."""

    def __init__(self, state: State, server: Server, *, secured: bool) -> None:
        self.state = state
        self.server = server
        self.port: int = server.server_address[1]
        self._scheme = "https" if secured else "http"

    def url(self, host: str = "localhost") -> str:
        """Return where the service is, under one of the server's names."""
        return f"{self._scheme}://{host}:{self.port}/EWS/Exchange.asmx"

    def add_account(self, address: str, password: str, *, sam: str | None = None) -> Account:
        """Make a mailbox."""
        made = Account(address=address, password=password, sam=sam or address.partition("@")[0])
        self.state.accounts[address.lower()] = made
        return made
