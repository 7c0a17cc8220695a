"""The steps that need no network: the rules that only the operator can check, references, endpoints. Pure."""

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from mailbox_operator.api.conditions import ConditionType
from mailbox_operator.api.implemented import not_implemented
from mailbox_operator.api.mailbox import Mailbox
from mailbox_operator.api.mailprovider import MailProviderSpec
from mailbox_operator.api.reasons import Reason
from mailbox_operator.controller.delivering import delivery_references
from mailbox_operator.controller.kinds import CLAIM, CONFIG_MAP, OAUTH_APP, PROVIDER, SECRET, Key
from mailbox_operator.controller.outcome import Outcome, blocked, fails, holds
from mailbox_operator.controller.resolve import Resolution, UnresolvedError, resolve

MISSING: Final = {SECRET.name: Reason.SECRET_NOT_FOUND, CLAIM.name: Reason.CLAIM_NOT_FOUND}
"""What is watched, so that it is known whether it is there."""

VersionOf = Callable[[Key], str | None]
"""What changes with what verification sees of an object, or None: it is not there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """What is known before anybody is dialled."""

    references: frozenset[Key]
    """What the Mailbox refers to: a change there wakes it."""
    outcomes: tuple[Outcome, ...]
    """Of the four steps before the network."""
    chosen: Resolution | None
    """None: a step has failed."""
    inputs: str
    """Hash of what verification will see beside the spec."""


def verified_references(mailbox: Mailbox) -> frozenset[Key]:
    """Return what verification goes by: another version of one asks for another proof."""
    spec, namespace = mailbox.spec, mailbox.metadata.namespace
    secrets = [spec.credentials.password_secret_ref]
    if spec.outgoing and spec.outgoing.credentials:
        secrets.append(spec.outgoing.credentials.password_secret_ref)
    names = {one.name for one in secrets if one}
    if spec.tls and spec.tls.ca_secret_ref:
        names.add(spec.tls.ca_secret_ref.name)
    found = {Key(SECRET.name, namespace, name) for name in names}
    if spec.tls and spec.tls.ca_config_map_ref:
        found.add(Key(CONFIG_MAP.name, namespace, spec.tls.ca_config_map_ref.name))
    if spec.provider_ref:
        found.add(Key(PROVIDER.name, "", spec.provider_ref.name))
    if spec.credentials.oauth:
        app = spec.credentials.oauth.app_ref
        found.add(Key(OAUTH_APP.name, app.namespace or namespace, app.name))
    return frozenset(found)


def judge(
    mailbox: Mailbox,
    *,
    provider: MailProviderSpec | None,
    version_of: VersionOf,
    allow_insecure: bool,
) -> Judgement:
    """Judge a Mailbox by what is at hand."""
    verified = verified_references(mailbox)
    targets = verified | delivery_references(mailbox)
    steps = (
        _judge_spec(mailbox, allow_insecure=allow_insecure),
        _judge_references(mailbox, targets, provider=provider, version_of=version_of),
    )
    outcomes: list[Outcome] = []
    for outcome in steps:
        failed = any(one.remedy for one in outcomes)
        outcomes.append(blocked(outcome.type) if failed else outcome)
    chosen = None
    if any(one.remedy for one in outcomes):
        outcomes.append(blocked(ConditionType.ENDPOINTS_RESOLVED))
    else:
        try:
            chosen = resolve(mailbox.spec, provider=provider)
        except UnresolvedError as error:
            outcomes.append(fails(ConditionType.ENDPOINTS_RESOLVED, Reason.INVALID_SPEC, str(error)))
        else:
            outcomes.append(holds(ConditionType.ENDPOINTS_RESOLVED, _where(chosen)))
    outcomes.append(
        holds(ConditionType.TOKEN_ACQUIRED, "Signs in with a password", reason=Reason.NOT_APPLICABLE)
        if chosen
        else blocked(ConditionType.TOKEN_ACQUIRED)
    )
    return Judgement(references=targets, outcomes=tuple(outcomes), chosen=chosen, inputs=_inputs(verified, version_of))


def _judge_spec(mailbox: Mailbox, *, allow_insecure: bool) -> Outcome:
    spec = mailbox.spec
    if spec.tls and spec.tls.insecure_skip_verify and not allow_insecure:
        return fails(
            ConditionType.SPEC_VALID,
            Reason.INSECURE_NOT_ALLOWED,
            "spec.tls.insecureSkipVerify is not allowed here: name the server's CA in tls.caConfigMapRef or tls.caSecretRef, "
            "or ask the operator's administrator for allowInsecureSkipVerify",
        )
    if missing := not_implemented(spec):
        return fails(
            ConditionType.SPEC_VALID,
            Reason.NOT_IMPLEMENTED,
            f"This version does not do {'; '.join(missing)}: remove it, or wait for a later version",
        )
    return holds(ConditionType.SPEC_VALID, "The spec is valid")


def _judge_references(
    mailbox: Mailbox, targets: frozenset[Key], *, provider: MailProviderSpec | None, version_of: VersionOf
) -> Outcome:
    kind = ConditionType.REFERENCES_RESOLVED
    reference = mailbox.spec.provider_ref
    if reference and provider is None:
        return fails(
            kind,
            Reason.PROVIDER_NOT_FOUND,
            f"There is no MailProvider {reference.name}: correct spec.providerRef, or create it",
        )
    if provider and provider.allowed_namespaces and provider.allowed_namespaces.selector:
        return fails(
            kind,
            Reason.NOT_IMPLEMENTED,
            "This version does not do spec.allowedNamespaces.selector of a MailProvider: remove it there, or use another",
        )
    for key in sorted(targets):
        if key.kind in MISSING and version_of(key) is None:
            return fails(
                kind, MISSING[key.kind], f"There is no {key.kind} {key.name} in namespace {key.namespace}: create it"
            )
    return holds(kind, "All that the spec refers to exists")


def _where(chosen: Resolution) -> str:
    out = f"; sends by {chosen.outgoing} ({chosen.outgoing.source})" if chosen.outgoing else "; receives only"
    return f"Receives by {chosen.incoming} ({chosen.incoming.source}){out}"


def _inputs(targets: frozenset[Key], version_of: VersionOf) -> str:
    """Hash the versions of what is referred to. A ConfigMap is not watched; its version is not known."""
    seen = [[*key, version_of(key)] for key in sorted(targets)]
    return hashlib.sha256(json.dumps(seen).encode()).hexdigest()[:32]
