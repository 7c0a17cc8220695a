"""What may stand between a fetcher and its webhook: a forward proxy (tinyproxy), and a server that speaks HTTP/2 (nginx)."""

import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from support.kube import until
from testbed.mailserver import free_ports
from testbed.pki import Pki

PROXY: Final = """
Port {port}
Listen 127.0.0.1
LogFile "{root}/proxy.log"
LogLevel Connect
MaxClients 50
Timeout 60
"""
SERVER: Final = """
pid {root}/pid;
error_log {root}/error.log;
worker_processes 1;
daemon off;
user root;
events {{ worker_connections 512; }}
http {{
  log_format told '$server_protocol $connection $request_length $status';
  access_log {root}/access.log told;
  client_body_temp_path {root}/body;
  proxy_temp_path {root}/proxy;
  fastcgi_temp_path {root}/fastcgi;
  scgi_temp_path {root}/scgi;
  uwsgi_temp_path {root}/uwsgi;
  client_max_body_size 300m;
  server {{
    listen 127.0.0.1:{port} ssl http2;
    ssl_certificate {certificate};
    ssl_certificate_key {key};
    location / {{ proxy_pass http://127.0.0.1:{behind}; proxy_http_version 1.1; proxy_set_header Host $http_host; }}
  }}
}}
"""


@contextmanager
def running_proxy(root: Path, *, port: int) -> Iterator[None]:
    """Run a forward proxy with its files in `root`, of which `proxy.log` tells what it was asked for."""
    file = root / "tinyproxy.conf"
    file.write_text(PROXY.format(port=port, root=root))
    with _running("tinyproxy", "-d", "-c", str(file), port=port):
        yield


@contextmanager
def running_http2(root: Path, *, behind: int, pki: Pki) -> Iterator[int]:
    """Run an HTTPS server that passes on to the port `behind`; yields its port.

    `root/access.log` has a line for each request: protocol, number of the connection, octets, status.
    """
    [port] = free_ports(1)
    file = root / "nginx.conf"
    file.write_text(SERVER.format(root=root, port=port, behind=behind, certificate=pki.certificate(), key=pki.key()))
    with _running("nginx", "-e", str(root / "error.log"), "-c", str(file), port=port):
        yield port


@contextmanager
def _running(*command: str, port: int) -> Iterator[None]:
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def listens() -> bool:
        with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=5):
            return True
        return False

    try:
        until(listens, seconds=10, what=f"{command[0]} listens")
        yield
    finally:
        process.terminate()
        process.wait(timeout=60)
