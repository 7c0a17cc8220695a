"""A webhook receiver that remembers what it was sent. Standard library only: it runs as a pod, from a ConfigMap.

`POST /hook` takes a CloudEvent (binary mode); `GET /events` returns them as JSON, oldest first, without the bodies;
`GET /count` returns how many; `GET /bodies/N` returns the N-th body; `GET /set/answer/STATUS` makes it answer so from then
on; `GET /set/delay/MILLISECONDS` makes it take that long.
"""

import json
import sys
import threading
import time
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar


class Receiver(BaseHTTPRequestHandler):
    """One connection."""

    protocol_version = "HTTP/1.1"
    events: ClassVar[list[dict[str, Any]]] = []
    bodies: ClassVar[list[bytes]] = []
    settings: ClassVar[dict[str, int]] = {"answer": 204, "delay": 0}
    lock = threading.Lock()

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        event = {name.lower(): value for name, value in self.headers.items()}
        time.sleep(self.settings["delay"] / 1000)
        with self.lock:
            status = self.settings["answer"]
            if status < 300:
                self.events.append(event | {"sha256": sha256(body).hexdigest(), "octets": len(body)})
                self.bodies.append(body)
        self.reply(status)

    def do_GET(self) -> None:
        with self.lock:
            if self.path == "/events":
                found: bytes | None = json.dumps(self.events).encode()
            elif self.path == "/count":
                found = str(len(self.events)).encode()
            elif self.path.startswith("/bodies/"):
                found = self.bodies[int(self.path.removeprefix("/bodies/"))]
            elif self.path.startswith("/set/"):
                name, _, value = self.path.removeprefix("/set/").partition("/")
                self.settings[name] = int(value)
                found = b"{}"
            else:
                found = None
        self.reply(200 if found is not None else 404, found or b"")

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
