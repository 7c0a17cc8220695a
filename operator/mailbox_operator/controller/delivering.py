"""From `spec.delivery` to what a fetcher is told of its sink, and what its pod mounts for that. Pure."""

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from mailbox_operator.api import delivery as api
from mailbox_operator.api.durations import seconds
from mailbox_operator.api.mailbox import Mailbox
from mailbox_operator.controller.kinds import CLAIM, SECRET, Key
from mailbox_operator.fetcher.plan import Delivery, Lmtp, Maildir, Webhook
from mailbox_operator.mail.endpoint import Security

Object = dict[str, Any]

CA_FOLDER: Final = "/var/run/mailbox-operator/sink-ca"
SIGNING_FOLDER: Final = "/var/run/mailbox-operator/sink-signing"
HEADERS_FOLDER: Final = "/var/run/mailbox-operator/sink-headers"
VOLUME_FOLDER: Final = "/var/lib/mailbox-operator/maildir"
PROXIES: Final = ("HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "ALL_PROXY")


class Mount(NamedTuple):
    """A volume of the fetcher's pod, and where it is mounted."""

    name: str
    path: str
    source: Object
    read_only: bool = True


def render_delivery(mailbox: Mailbox) -> Delivery:
    """Return what the fetcher is told; the Mailbox has a sink."""
    delivery = mailbox.spec.delivery
    assert delivery is not None  # noqa: S101 - else there is no fetcher
    if delivery.lmtp:
        lmtp = delivery.lmtp
        return Lmtp(
            host=lmtp.host,
            port=lmtp.port,
            recipient=lmtp.recipient or mailbox.spec.address,
            security=Security(lmtp.security),
            ca_file=f"{CA_FOLDER}/ca.crt" if lmtp.ca_secret_ref else None,
        )
    if delivery.maildir:
        return Maildir(path=f"{VOLUME_FOLDER}/{delivery.maildir.path}")
    webhook = delivery.webhook
    assert webhook is not None  # noqa: S101 - exactly one of three
    return Webhook(
        url=webhook.url or _service_url(webhook.service_ref, mailbox.metadata.namespace),
        format=webhook.format,
        timeout_seconds=seconds(webhook.timeout),
        concurrency=webhook.concurrency,
        ca_file=f"{CA_FOLDER}/ca.crt" if webhook.ca_secret_ref else None,
        signing_key_file=f"{SIGNING_FOLDER}/signing-key" if webhook.signing_secret_ref else None,
        headers_folder=HEADERS_FOLDER if webhook.headers_secret_ref else None,
    )


def _service_url(reference: api.ServiceReference | None, namespace: str) -> str:
    assert reference is not None  # noqa: S101 - exactly one of both
    return f"http://{reference.name}.{namespace}.svc:{reference.port}{reference.path}"


def render_mounts(delivery: api.Delivery | None) -> list[Mount]:
    """Return what the pod mounts for its sink.

    A key or a Secret that goes missing must not keep the pod from starting: the fetcher says what is missing, and
    fetches on as soon as it is there.
    """
    webhook, lmtp = (delivery.webhook, delivery.lmtp) if delivery else (None, None)
    found = []
    if ca := (webhook and webhook.ca_secret_ref) or (lmtp and lmtp.ca_secret_ref):
        found.append(Mount("sink-ca", CA_FOLDER, _secret(ca.name, items=[{"key": ca.key, "path": "ca.crt"}])))
    if webhook and (key := webhook.signing_secret_ref):
        items = [{"key": key.key, "path": "signing-key"}]
        found.append(Mount("sink-signing", SIGNING_FOLDER, _secret(key.name, items=items, optional=True)))
    if webhook and (headers := webhook.headers_secret_ref):
        found.append(Mount("sink-headers", HEADERS_FOLDER, _secret(headers.name, optional=True)))
    if delivery and delivery.maildir:
        claim = {"persistentVolumeClaim": {"claimName": delivery.maildir.claim_name}}
        found.append(Mount("maildir", VOLUME_FOLDER, claim, read_only=False))
    return found


def _secret(name: str, *, items: list[Object] | None = None, optional: bool = False) -> Object:
    source: Object = {"secretName": name, "defaultMode": 0o440}
    if items:
        source["items"] = items
    if optional:
        source["optional"] = True
    return {"secret": source}


def delivery_references(mailbox: Mailbox) -> frozenset[Key]:
    """Return what `spec.delivery` refers to."""
    delivery, namespace = mailbox.spec.delivery, mailbox.metadata.namespace
    webhook, lmtp, maildir = (delivery.webhook, delivery.lmtp, delivery.maildir) if delivery else (None, None, None)
    secrets = [
        webhook and webhook.ca_secret_ref,
        webhook and webhook.signing_secret_ref,
        webhook and webhook.headers_secret_ref,
        lmtp and lmtp.ca_secret_ref,
    ]
    found = {Key(SECRET.name, namespace, one.name) for one in secrets if one}
    if maildir:
        found.add(Key(CLAIM.name, namespace, maildir.claim_name))
    return frozenset(found)


def proxy_variables(environment: Mapping[str, str]) -> list[Object]:
    """Return the variables by which a fetcher finds its way out, as a container has them.

    One with a password in it stays with the operator: whoever may read the Deployment would read it.
    """
    found = {name: environment.get(name) or environment.get(name.lower()) for name in PROXIES}
    return [{"name": name, "value": value} for name, value in found.items() if value and "@" not in value]
