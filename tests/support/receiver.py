"""A webhook receiver that remembers what it was sent. Standard library only: it runs as a pod, from a ConfigMap.

`POST /hook` takes a CloudEvent (binary mode); `GET /events` returns them as JSON, oldest first, without the bodies;
`GET /bodies/N` returns the N-th body; `PUT /answer` with a status code makes it
answer so from then on; `DELETE /events` forgets.
"""

import json
import sys
import threading
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar


class Receiver(BaseHTTPRequestHandler):
    """One connection."""

    protocol_version = "HTTP/1.1"
    events: ClassVar[list[dict[str, Any]]] = []
    bodies: ClassVar[list[bytes]] = []
    answer: ClassVar[list[int]] = [204]
    lock = threading.Lock()

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        event = {name.lower(): value for name, value in self.headers.items()}
        with self.lock:
            status = self.answer[0]
            if status < 300:
                self.events.append(event | {"sha256": sha256(body).hexdigest(), "octets": len(body)})
                self.bodies.append(body)
        self.reply(status)

    def do_GET(self) -> None:
        with self.lock:
            if self.path == "/events":
                found: bytes | None = json.dumps(self.events).encode()
            elif self.path.startswith("/bodies/"):
                found = self.bodies[int(self.path.removeprefix("/bodies/"))]
            else:
                found = None
        self.reply(200 if found is not None else 404, found or b"")

    def do_PUT(self) -> None:
        self.answer[0] = int(self.rfile.read(int(self.headers["Content-Length"])))
        self.reply(204)

    def do_DELETE(self) -> None:
        with self.lock:
            self.events.clear()
            self.bodies.clear()
        self.reply(204)

    def reply(self, status: int, body: bytes = b"") -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Keep quiet."""


if __name__ == "__main__":
    server = ThreadingHTTPServer(("", int(sys.argv[1])), Receiver)
    server.daemon_threads = True
    server.serve_forever()
