"""`mailbox-operator run`: the operator itself."""

import asyncio
import os
import re
from ipaddress import ip_network
from typing import Final, Literal

import click

from mailbox_operator.cli.chosen_mailbox import give_up
from mailbox_operator.controller.errors import NoClusterError
from mailbox_operator.controller.log import set_up_logging
from mailbox_operator.controller.process import run_operator
from mailbox_operator.controller.settings import Settings
from mailbox_operator.mail.guard import AddressPolicy, parse_networks

HOST_NAME: Final = re.compile(r"[\w-]+(\.[\w-]+)*\.?")
NUMERIC: Final = re.compile(r"[0-9.]+", re.ASCII)
"""No host is named so: an address with a slip in it."""


def is_network(text: str) -> bool:
    """Whether a text is a CIDR or an address, and no host name."""
    try:
        ip_network(text, strict=False)
    except ValueError:
        return False
    return True


def parse_ranges(_context: click.Context, _parameter: click.Parameter, values: tuple[str, ...]) -> tuple[str, ...]:
    """Check CIDRs."""
    for value in values:
        if not is_network(value):
            raise click.BadParameter(f"{value!r} is no CIDR: write 10.0.0.0/8")
    return values


def parse_doors(_context: click.Context, _parameter: click.Parameter, values: tuple[str, ...]) -> tuple[str, ...]:
    """Check CIDRs and host names: what is neither would allow nothing, without a word."""
    for value in values:
        if not (is_network(value) or (HOST_NAME.fullmatch(value) and not NUMERIC.fullmatch(value))):
            raise click.BadParameter(
                f"{value!r} is neither a CIDR nor a host name: write 10.0.0.0/8 or mail.example.com"
            )
    return values


@click.command(context_settings={"auto_envvar_prefix": "MAILBOX_OPERATOR"})
@click.option(
    "--fetcher-image",
    envvar="MAILBOX_OPERATOR_FETCHER_IMAGE",
    default="mailbox-operator",
    show_default=True,
    help="Image of the fetchers' pods.",
)
@click.option(
    "--fetcher-pull-secret",
    multiple=True,
    help="Secret in each Mailbox's namespace with which that image is pulled; may be repeated.",
)
@click.option("--watch-namespace", multiple=True, help="Serve this namespace only; may be repeated. Default: all.")
@click.option(
    "--network-mode",
    type=click.Choice(["PrivateAllowed", "PublicOnly"]),
    default="PrivateAllowed",
    show_default=True,
    help="Whether a Mailbox may make the operator connect to private addresses.",
)
@click.option(
    "--network-allowed",
    multiple=True,
    callback=parse_doors,
    help="CIDR or host name that may be connected to all the same; may be repeated.",
)
@click.option(
    "--network-denied", multiple=True, callback=parse_ranges, help="CIDR that is never connected to; may be repeated."
)
@click.option(
    "--cluster-range",
    multiple=True,
    callback=parse_ranges,
    help="CIDR of the cluster's pods or services, in addition to those that nodes and ServiceCIDR objects tell; may be repeated.",
)
@click.option("--allow-insecure-skip-verify", is_flag=True, help="Let Mailboxes set tls.insecureSkipVerify.")
@click.option("--workers", type=click.IntRange(1, 64), default=8, show_default=True, help="Objects reconciled at once.")
@click.option(
    "--verifications", type=click.IntRange(1, 64), default=32, show_default=True, help="Mailboxes verified at once."
)
@click.option(
    "--verifications-per-host", type=click.IntRange(1, 64), default=8, show_default=True, help="Of these, at one host."
)
@click.option("--listen-host", default="", help="Address for /healthz, /readyz and /metrics. Default: all.")
@click.option(
    "--listen-port", type=click.IntRange(0, 65535), default=8080, show_default=True, help="Their port; 0: any free one."
)
@click.option(
    "--log-format", type=click.Choice(["json", "text"]), default="text", show_default=True, help="Format of log lines."
)
@click.option(
    "--log-level",
    type=click.Choice(["debug", "info", "warning", "error"]),
    default="info",
    show_default=True,
    help="Lowest level that is logged.",
)
def run(  # noqa: PLR0913 - the options are what they are
    *,
    fetcher_image: str,
    fetcher_pull_secret: tuple[str, ...],
    watch_namespace: tuple[str, ...],
    network_mode: Literal["PrivateAllowed", "PublicOnly"],
    network_allowed: tuple[str, ...],
    network_denied: tuple[str, ...],
    cluster_range: tuple[str, ...],
    allow_insecure_skip_verify: bool,
    workers: int,
    verifications: int,
    verifications_per_host: int,
    listen_host: str,
    listen_port: int,
    log_format: str,
    log_level: str,
) -> None:
    """Run the operator. In a pod it uses its service account, elsewhere your kubeconfig.

    Each option can also be given as MAILBOX_OPERATOR_<OPTION>. It runs until SIGTERM and then shuts down cleanly.
    """
    set_up_logging(json_lines=log_format == "json", level=log_level)
    names = frozenset(one.lower().rstrip(".") for one in network_allowed if not is_network(one))
    settings = Settings(
        fetcher_image=fetcher_image,
        fetcher_pull_secrets=fetcher_pull_secret,
        namespaces=watch_namespace,
        address_policy=AddressPolicy(
            cluster=parse_networks(cluster_range),
            allowed=parse_networks(one for one in network_allowed if is_network(one)),
            allowed_names=names,
            denied=parse_networks(network_denied),
            public_only=network_mode == "PublicOnly",
        ),
        allow_insecure_skip_verify=allow_insecure_skip_verify,
        workers=workers,
        verifications=verifications,
        verifications_per_host=verifications_per_host,
        listen_host=listen_host,
        listen_port=listen_port,
        pod=os.environ.get("POD_NAME", "mailbox-operator"),
    )
    try:
        asyncio.run(run_operator(settings))
    except NoClusterError as error:
        give_up(str(error))
    except OSError as error:
        give_up(f"cannot listen on {listen_host or 'every address'}, port {listen_port}: {error.strerror or error}")
