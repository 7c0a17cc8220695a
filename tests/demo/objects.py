"""What the demo puts into the cluster."""

from typing import Any, Final

import yaml

from demo.mail import ADDRESS, HOST, SUPPORT

NAMESPACE: Final = "helpdesk"

MAILBOX: Final = f"""\
apiVersion: mailbox-operator.io/v1alpha1
kind: Mailbox
metadata: {{name: support, namespace: {NAMESPACE}}}
spec:
  address: {SUPPORT}
  incoming: {{protocol: IMAP, host: {HOST}}}
  outgoing: {{protocol: SMTP, host: {HOST}, security: StartTLS}}
  tls: {{caConfigMapRef: {{name: demo-ca}}}}
  credentials: {{passwordSecretRef: {{name: support-mail}}}}
  fetch: {{interval: 30s}}
  delivery: {{webhook: {{serviceRef: {{name: receiver, port: 8080, path: /hook}}}}}}
"""


def namespace() -> dict[str, Any]:
    """Return the team's namespace, under restricted Pod Security."""
    labels = {"pod-security.kubernetes.io/enforce": "restricted"}
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE, "labels": labels}}


def password(value: str) -> dict[str, Any]:
    """Return the Secret with the mailbox's password."""
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": "support-mail"},
        "stringData": {"password": value},
    }


def ca(pem: str) -> dict[str, Any]:
    """Return the ConfigMap with the mail server's CA."""
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "demo-ca"}, "data": {"ca.crt": pem}}


def mail_server() -> list[dict[str, Any]]:
    """Return what gives the mail server beside the cluster a name in it: no proxy in between, the name is its address."""
    name, _, _ = HOST.partition(".")
    return [
        {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": {"name": name},
            "spec": {
                "clusterIP": "None",
                "ports": [{"name": "imaps", "port": 993}, {"name": "submission", "port": 587}],
            },
        },
        {
            "apiVersion": "discovery.k8s.io/v1",
            "kind": "EndpointSlice",
            "metadata": {"name": name, "labels": {"kubernetes.io/service-name": name}},
            "addressType": "IPv4",
            "ports": [{"name": "imaps", "port": 993}, {"name": "submission", "port": 587}],
            "endpoints": [{"addresses": [ADDRESS]}],
        },
    ]


def mailbox() -> dict[str, Any]:
    """Return the Mailbox."""
    found: dict[str, Any] = yaml.safe_load(MAILBOX)
    return found
