"""A cluster's address and credential, from a kubeconfig file."""

import base64
import ssl
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import yaml

from support.kube import Kube

ACCOUNT: Final = "operator"


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """How to ask an API server."""

    kubeconfig: Path
    server: str
    tls: ssl.SSLContext
    headers: dict[str, str]


def read_access(kubeconfig: Path) -> Access:
    """Return the current context's server and user; certificates must be inline, not files. Raises KeyError."""
    config = yaml.safe_load(kubeconfig.read_text())
    context = _named(config["contexts"], config["current-context"])["context"]
    cluster = _named(config["clusters"], context["cluster"])["cluster"]
    user = _named(config["users"], context["user"])["user"]
    tls = ssl.create_default_context(cadata=base64.b64decode(cluster["certificate-authority-data"]).decode())
    if "client-certificate-data" in user:
        with tempfile.NamedTemporaryFile() as pem:  # the ssl module reads a key from a file only
            pem.write(base64.b64decode(user["client-certificate-data"]))
            pem.write(b"\n" + base64.b64decode(user["client-key-data"]))
            pem.flush()
            tls.load_cert_chain(pem.name)
    headers = {"Authorization": f"Bearer {user['token']}"} if "token" in user else {}
    return Access(kubeconfig=kubeconfig, server=cluster["server"], tls=tls, headers=headers)


def as_service_account(kubeconfig: Path) -> Path:
    """Write another kubeconfig beside an administrator's, of a service account that may do everything, and return it.

    It has a token, as whatever runs in a pod has: the API server looks it up in its memory, and would verify a client
    certificate anew for each request.
    """
    kube = Kube(kubeconfig=kubeconfig)
    kube.run("create", "serviceaccount", ACCOUNT)
    subject = f"--serviceaccount={kube.namespace}:{ACCOUNT}"
    kube.run("create", "clusterrolebinding", ACCOUNT, "--clusterrole=cluster-admin", subject)
    config: dict[str, Any] = yaml.safe_load(kubeconfig.read_text())
    user = _named(config["users"], _named(config["contexts"], config["current-context"])["context"]["user"])
    user["user"] = {"token": kube.run("create", "token", ACCOUNT, "--duration=12h").strip()}
    written = kubeconfig.with_name(f"{ACCOUNT}.kubeconfig")
    written.touch(mode=0o600)
    written.write_text(yaml.safe_dump(config))
    return written


def _named(items: list[dict[str, dict[str, str]]], name: str) -> dict[str, dict[str, str]]:
    return next(item for item in items if item["name"] == name)
