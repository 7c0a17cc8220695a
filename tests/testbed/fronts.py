"""nginx before a good mail server: certificates that are expired, untrusted or another host's, and TLS that is too old."""

import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from string import Template
from typing import Final

from support.kube import until
from testbed.pki import Pki

TEMPLATE: Final = Template(Path(__file__).with_name("nginx.conf.in").read_text())
MODULES: Final = "/usr/lib/nginx/modules"
OLD: Final = "ssl_protocols TLSv1 TLSv1.1; ssl_ciphers ALL:@SECLEVEL=0;"


@dataclass(frozen=True, slots=True, kw_only=True)
class Front:
    """A host whose ports lead to those of the server behind it."""

    address: str
    ports: Mapping[int, int]
    """For each of its ports, the one behind."""
    certificate: str | None = None
    """One of `Pki`, shown on every port; None: what comes is passed on as it is."""
    old: bool = False
    """Nothing newer than TLS 1.1."""

    def render(self, *, behind: str, pki: Pki) -> list[str]:
        """Return it in nginx's words."""
        secured = (
            f"ssl_certificate {pki.certificate(self.certificate)}; ssl_certificate_key {pki.key(self.certificate)};"
            if self.certificate
            else ""
        )
        secured += OLD if self.old else ""
        listen = "listen {}:{}" + (" ssl;" if self.certificate else ";")
        return [
            f"  server {{ {listen.format(self.address, port)} {secured} proxy_pass {behind}:{to}; }}"
            for port, to in self.ports.items()
        ]


@contextmanager
def running_fronts(root: Path, fronts: Sequence[Front], *, behind: str, pki: Pki) -> Iterator[None]:
    """Run them, with their files in the folder `root`, before the server at the address `behind`."""
    root.mkdir()
    configuration, log = root / "nginx.conf", root / "error.log"
    servers = [line for front in fronts for line in front.render(behind=behind, pki=pki)]
    configuration.write_text(TEMPLATE.substitute(root=root, modules=MODULES, servers="\n".join(servers)))
    process = subprocess.Popen(
        ["nginx", "-e", log, "-c", configuration], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        until((root / "pid").exists, seconds=10, what=lambda: log.read_text() if log.exists() else "nginx runs")
        yield
    finally:
        process.terminate()
        process.wait(timeout=60)
