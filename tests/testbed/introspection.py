"""Token introspection (RFC 7662) for Dovecot: which access token is whose."""

import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Final
from urllib.parse import parse_qs

SETTINGS: Final = """
auth_mechanisms = plain login cram-md5 scram-sha-1 scram-sha-256 xoauth2 oauthbearer
passdb {{
  driver = oauth2
  mechanisms = xoauth2 oauthbearer
  args = {file}
}}
"""
CONFIGURATION: Final = """
introspection_mode = post
introspection_url = {url}
force_introspection = yes
active_attribute = active
active_value = true
username_attribute = username
openid_configuration_url = https://login.test/.well-known/openid-configuration
timeout_msecs = 5000
"""


@contextmanager
def introspecting(tokens: Mapping[str, str]) -> Iterator[str]:
    """Serve introspection; `tokens` are those that are active, with whose they are. Yields the URL."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            owner = tokens.get(parse_qs(body).get("token", [""])[0])
            answer = json.dumps({"active": True, "username": owner} if owner else {"active": False}).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *_arguments: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, name="introspection")
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/introspect"
    finally:
        server.shutdown()
        server.server_close()
        thread.join(timeout=60)


def dovecot_settings(folder: Path, *, url: str) -> str:
    """Return lines for Dovecot's configuration that let it ask there, and offer every mechanism it has for passwords."""
    file = folder / "oauth2.conf.ext"
    file.write_text(CONFIGURATION.format(url=url))
    file.chmod(0o644)
    return SETTINGS.format(file=file)
