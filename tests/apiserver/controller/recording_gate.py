"""A gate before the API server that passes everything on and notes who uses which verb on which resource."""

import http.client
import json
import ssl
import threading
from base64 import b64decode
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Final
from urllib.parse import parse_qs, urlsplit

Used = tuple[str, str, str]
"""Verb, group and resource."""

HOP_BY_HOP: Final = {"connection", "keep-alive", "transfer-encoding", "content-length"}
VERBS: Final = {"POST": "create", "PUT": "update", "PATCH": "patch", "DELETE": "delete"}


@dataclass(slots=True, kw_only=True)
class Gate:
    """Where it is, and what has come through."""

    kubeconfig: Path
    used: set[Used] = field(default_factory=set)
    forbidden: list[str] = field(default_factory=list)
    """What was said where something was not permitted, but for a namespace that is on its way out."""


def verbs_of(method: str, target: str, *, status: int) -> Iterator[Used]:
    """Yield what the API server asks its authorizer for: an object that a PATCH makes is created, too."""
    url = urlsplit(target)
    parts = url.path.strip("/").split("/")
    group = "" if parts[0] == "api" else "".join(parts[1:2])
    rest = parts[2:] if parts[0] == "api" else parts[3:]
    if not rest:
        return  # it looks around which kinds there are, as anybody may
    if len(rest) > 2 and rest[0] == "namespaces":
        rest = rest[2:]
    resource, name, sub = rest[0], rest[1:2], rest[2:3]
    resource = "/".join([resource, *sub])
    if method == "GET":
        watched = parse_qs(url.query).get("watch", ["false"])[0] in {"true", "1"}
        yield ("get" if name else "watch" if watched else "list"), group, resource
        return
    yield VERBS[method], group, resource
    if method == "PATCH" and status == 201:
        yield "create", group, resource


@contextmanager
def recording_gate(kubeconfig: Path, made: Path) -> Iterator[Gate]:
    """Open one before the cluster of a kubeconfig, and write the kubeconfig that leads through it to `made`."""
    config: dict[str, Any] = json.loads(kubeconfig.read_text())
    [cluster] = config["clusters"]
    authority = b64decode(cluster["cluster"]["certificate-authority-data"]).decode()
    upstream = urlsplit(cluster["cluster"]["server"])
    tls = ssl.create_default_context(cadata=authority)
    gate = Gate(kubeconfig=made)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def pass_on(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            fields = {name: value for name, value in self.headers.items() if name.lower() not in HOP_BY_HOP}
            server = http.client.HTTPSConnection(str(upstream.hostname), upstream.port, context=tls)
            try:
                server.request(self.command, self.path, body or None, fields)
                answer = server.getresponse()
                gate.used.update(verbs_of(self.command, self.path, status=answer.status))
                self.send_response(answer.status)
                for name, value in answer.getheaders():
                    if name.lower() not in HOP_BY_HOP:
                        self.send_header(name, value)
                self.send_header("Transfer-Encoding", "chunked")
                self.end_headers()
                while octets := answer.read1(65_536):
                    self.wfile.write(b"%x\r\n%b\r\n" % (len(octets), octets))
                    if answer.status == HTTPStatus.FORBIDDEN and b"being terminated" not in octets:
                        gate.forbidden.append(octets.decode())
                self.wfile.write(b"0\r\n\r\n")
            except (OSError, http.client.HTTPException):  # a watch whose end has come, on either side
                self.close_connection = True
            finally:
                server.close()

        do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = pass_on  # noqa: N815 - the library's names

        def log_message(self, *_: object) -> None:
            """Nothing goes to a test's output."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        server.block_on_close = False  # a watch may go on for minutes
        cluster["cluster"] = {"server": f"http://127.0.0.1:{server.server_port}"}
        made.write_text(json.dumps(config))
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield gate
        finally:
            with suppress(OSError):
                server.shutdown()
            thread.join(timeout=60)
