"""What a fetcher is told of a mailbox on the simulated Exchange."""

from pathlib import Path

from mailbox_operator.fetcher.plan import Source as SourcePlan
from mailbox_operator.mail.endpoint import Protocol, Security
from testbed.ews.server import Exchange
from testbed.ews.world import Account
from testbed.pki import Pki


def source_plan(exchange: Exchange, account: Account, pki: Pki, password_file: Path) -> SourcePlan:
    """Return the plan's source for an account."""
    return SourcePlan(
        protocol=Protocol.EWS,
        host="localhost",
        port=exchange.port,
        security=Security.TLS,
        username=account.address,
        password_file=str(password_file),
        ca_file=str(pki.folder / "ca.pem"),
        path="/EWS/Exchange.asmx",
        address=account.address,
    )
