"""Which proxy a request takes, by the variables that everybody's tools go by. Pure."""

from collections.abc import Mapping
from ipaddress import ip_address, ip_network
from typing import Final

NEVER: Final = (".svc", ".svc.cluster.local", ".localhost")
"""Names that no proxy outside the cluster knows."""


class ProxyError(Exception):
    """A proxy that cannot be used, and what to write instead. It tells no more of it than its scheme: it may hold a password."""


def find_proxy(scheme: str, host: str, *, environment: Mapping[str, str]) -> str | None:
    """Return the proxy's URL, or None: connect directly. `NO_PROXY` takes names, their domains, addresses and networks.

    Raises ProxyError: it is no proxy of HTTP.
    """
    names = (f"{scheme}_proxy", "all_proxy")
    found = next((value for name in names if (value := _read(environment, name))), None)
    if not found or _bypasses(host.lower().strip("[]"), _read(environment, "no_proxy")):
        return None
    spoken, separator, _ = found.partition("://")
    if separator and spoken.lower() not in {"http", "https"}:
        raise ProxyError(f"a proxy of {spoken} is not spoken to: write http://HOST:PORT, or name {host} in NO_PROXY")
    return found if separator else f"http://{found}"


def _read(environment: Mapping[str, str], name: str) -> str:
    return environment.get(name) or environment.get(name.upper()) or ""


def _bypasses(host: str, rules: str) -> bool:
    if host == "localhost" or host.endswith(NEVER):
        return True
    return any(_fits(host, rule.strip().lower()) for rule in rules.split(",") if rule.strip())


def _fits(host: str, rule: str) -> bool:
    if rule == "*":
        return True
    try:
        address = ip_address(host)
    except ValueError:
        name = rule.lstrip("*").lstrip(".").partition(":")[0]
        return host == name or host.endswith(f".{name}")
    try:
        return address in ip_network(rule.strip("[]"), strict=False)
    except ValueError:
        return False
