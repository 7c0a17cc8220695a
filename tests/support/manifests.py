"""Manifests that tests start from."""

from typing import Any

from support.receiving import SERVICE

CA = "mail-ca"
"""The ConfigMap with the CA of the test's mail servers."""


def merged(base: dict[str, Any], change: dict[str, Any]) -> dict[str, Any]:
    """Return `base` with `change` merged in, as JSON merge patch does (RFC 7386): None removes."""
    result = dict(base)
    for key, value in change.items():
        if value is None:
            result.pop(key, None)
        elif isinstance(value, dict) and isinstance(result.get(key), dict):
            result[key] = merged(result[key], value)
        else:
            result[key] = value
    return result


def mailbox(name: str, *, address: str, host: str, **spec: Any) -> dict[str, Any]:
    """Return a Mailbox that signs in with the Secret `NAME-password` and delivers to the receiver; `spec` is merged in."""
    base = {
        "address": address,
        "incoming": {"protocol": "IMAP", "host": host},
        "outgoing": {"protocol": "SMTP", "host": host, "security": "StartTLS"},
        "tls": {"caConfigMapRef": {"name": CA}},
        "credentials": {"passwordSecretRef": {"name": f"{name}-password"}},
        "delivery": {"webhook": {"serviceRef": SERVICE}},
    }
    return {
        "apiVersion": "mailbox-operator.io/v1alpha1",
        "kind": "Mailbox",
        "metadata": {"name": name},
        "spec": merged(base, spec),
    }


def password(name: str, value: str) -> dict[str, Any]:
    """Return the Secret that `mailbox` refers to."""
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": f"{name}-password"},
        "stringData": {"password": value},
    }


def ca(pem: str) -> dict[str, Any]:
    """Return the ConfigMap with the servers' CA."""
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": CA}, "data": {"ca.crt": pem}}
