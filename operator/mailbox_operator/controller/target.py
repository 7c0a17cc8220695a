"""From a resolved Mailbox to what verification is asked and what a fetcher is told. Pure."""

from collections.abc import Mapping
from typing import Final

from mailbox_operator.api.durations import octets, seconds
from mailbox_operator.api.fetch import Fetch as FetchSpec
from mailbox_operator.api.mailbox import Mailbox
from mailbox_operator.api.meta import QUARANTINE_ANNOTATION
from mailbox_operator.controller.delivering import render_delivery
from mailbox_operator.controller.resolve import Door, Login, Resolution
from mailbox_operator.fetcher.plan import Fetch, HeaderMatch, Identity, Plan, Source
from mailbox_operator.fetcher.quarantine import REQUEST_LIMIT
from mailbox_operator.mail.credential import Credential
from mailbox_operator.mail.endpoint import Endpoint, TlsOptions
from mailbox_operator.mail.secret import Secret
from mailbox_operator.verification.model import LoopTest, Side, Target, Timeouts

CREDENTIALS_FOLDER: Final = "/var/run/mailbox-operator/credentials"
CA_FOLDER: Final = "/var/run/mailbox-operator/ca"


def render_target(
    mailbox: Mailbox, chosen: Resolution, *, passwords: Mapping[str, Secret], ca_pem: str | None, test: LoopTest | None
) -> Target:
    """Return what verification is asked. `passwords` are those of `login` and `outgoing_login`, by these names."""
    return Target(
        address=mailbox.spec.address,
        incoming=_side(chosen.incoming, chosen.login, passwords["login"], chosen, ca_pem),
        outgoing=_side(chosen.outgoing, chosen.outgoing_login, passwords["outgoing_login"], chosen, ca_pem)
        if chosen.outgoing
        else None,
        display_name=mailbox.spec.display_name or "",
        folders=tuple(mailbox.spec.fetch.folders.include),
        exclude=tuple(mailbox.spec.fetch.folders.exclude),
        timeouts=render_timeouts(mailbox),
        identities=tuple(one.address for one in mailbox.spec.from_addresses),
        test=test,
        provider=chosen.provider or "",
        provider_runs=chosen.provider_connections,
        retirements=chosen.retirements,
    )


def render_timeouts(mailbox: Mailbox) -> Timeouts:
    """Return how long each step may take."""
    wanted = mailbox.spec.verification.timeouts
    return Timeouts(
        connect=seconds(wanted.connect), authenticate=seconds(wanted.authenticate), step=seconds(wanted.step)
    )


def _side(door: Door, login: Login, password: Secret, chosen: Resolution, ca_pem: str | None) -> Side:
    tls = TlsOptions(
        ca_pem=ca_pem,
        server_name=chosen.tls.server_name,
        minimum_version=chosen.tls.min_version,
        insecure_skip_verify=chosen.tls.insecure_skip_verify,
    )
    endpoint = Endpoint(
        protocol=door.protocol, host=door.host, port=door.port, security=door.security, tls=tls, path=door.path
    )
    credential = Credential(username=login.username, secret=password, mechanism=login.mechanism)
    return Side(endpoint=endpoint, credential=credential)


def render_plan(mailbox: Mailbox, chosen: Resolution, *, admitted_at: str = "") -> Plan:
    """Return what the fetcher is told. The Mailbox has a sink; `admitted_at` as in `Plan`."""
    spec, metadata, fetcher = mailbox.spec, mailbox.metadata, mailbox.status.fetcher
    door, tls = chosen.incoming, chosen.tls
    return Plan(
        mailbox=Identity(uid=metadata.uid, namespace=metadata.namespace, name=metadata.name, address=spec.address),
        source=Source(
            protocol=door.protocol,
            host=door.host,
            port=door.port,
            security=door.security,
            username=chosen.login.username,
            password_file=f"{CREDENTIALS_FOLDER}/password",
            mechanism=chosen.login.mechanism,
            ca_file=f"{CA_FOLDER}/ca.crt" if tls.ca_secret_ref or tls.ca_config_map_ref else None,
            server_name=tls.server_name,
            minimum_tls_version=tls.min_version,
            insecure_skip_verify=tls.insecure_skip_verify,
            path=door.path,
            address=spec.address,
        ),
        fetch=_render_fetch(spec.fetch, chosen),
        delivery=render_delivery(mailbox),
        quarantine_request=metadata.annotations.get(QUARANTINE_ANNOTATION, "")[:REQUEST_LIMIT],
        resumes=bool(fetcher and fetcher.messages_delivered),
        log_level=spec.fetcher.log_level,
        admitted_at=admitted_at,
    )


def _render_fetch(wanted: FetchSpec, at: Resolution) -> Fetch:
    chosen, after = wanted.filter, wanted.after_fetch
    return Fetch(
        folders=tuple(wanted.folders.include),
        exclude=tuple(wanted.folders.exclude),
        push=wanted.mode == "Push" and at.pushes,
        interval_seconds=max(seconds(wanted.interval), at.least_interval_seconds),
        since_seconds=seconds(wanted.since),
        unseen_only=chosen.unseen_only,
        headers=tuple(HeaderMatch(name=one.name, value=one.value) for one in chosen.headers),
        senders=tuple(chosen.from_),
        max_message_size=octets(chosen.max_message_size),
        oversize=chosen.oversize,
        deduplicate=wanted.deduplicate,
        mark_seen=after.mark_seen,
        move_to=after.move_to,
        delete=after.delete and after.delete_after is None,
        delete_after_seconds=None if after.delete_after is None else seconds(after.delete_after),
        leave_on_server=after.leave_on_server,
    )
