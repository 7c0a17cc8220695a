"""A webhook that is reached through a forward proxy, in the clear and over TLS to a server that speaks HTTP/2."""

from collections import Counter
from pathlib import Path

import pytest

from integration.conftest import Account
from integration.fetcher.conftest import Fetcher, Receiver
from integration.fetcher.tally import Record, message_ids, messages, tally
from support.kube import until
from testbed.http_peers import running_http2, running_proxy
from testbed.mailserver import MailServer, free_ports

pytestmark = [pytest.mark.integration, pytest.mark.timeout(60)]

COUNT = 200
LARGE = 5_000_000
"""Octets of a message that is spooled."""


@pytest.fixture
def proxy(fetcher: Fetcher) -> int:
    """The port of the proxy that the fetcher is told of; nobody listens there yet."""
    [port] = free_ports(1)
    url = f"http://127.0.0.1:{port}"
    fetcher.environment = {"http_proxy": url, "https_proxy": url, "no_proxy": "", "NO_PROXY": ""}
    return port


def test_https_goes_through_it_by_connect_and_speaks_http_2(
    server: MailServer,
    account: Account,
    receiver: Receiver,
    fetcher: Fetcher,
    proxy: int,
    tmp_path: Path,
    record_property: Record,
) -> None:
    large = messages(1, first=COUNT + 1, octets=LARGE)
    server.dovecot.seed(account.address, [*messages(COUNT), *large])
    with (
        running_proxy(tmp_path, port=proxy),
        running_http2(tmp_path, behind=receiver.port, pki=server.pki) as port,
    ):
        fetcher.change_webhook(url=f"https://127.0.0.1:{port}/hook", ca_file=str(server.pki.folder / "ca.pem"))
        fetcher.start()
        receiver.wait_accepted(COUNT + 1, seconds=30)
        fetcher.wait_state("Idle")
        until(lambda: len(told(tmp_path)) > COUNT, seconds=5, what="nginx has written its log")
        assert f"CONNECT 127.0.0.1:{port} HTTP/1.1" in (tmp_path / "proxy.log").read_text()
    requests = [line.split() for line in told(tmp_path)]
    found = tally(receiver, message_ids(COUNT + 1))
    record_property("tally", f"over {len({one[1] for one in requests})} connections: {found}")
    assert Counter(one[0] for one in requests) == {"HTTP/2.0": COUNT + 1}
    assert len({one[1] for one in requests}) <= 8, "connections are used again"
    assert (found.lost, found.repeats, found.strange) == (0, 0, 0), found
    assert large[0] in [event.body for event in receiver.accepted]


def test_a_proxy_that_is_away_is_told_and_nothing_is_lost(
    server: MailServer, account: Account, receiver: Receiver, fetcher: Fetcher, proxy: int, tmp_path: Path
) -> None:
    server.dovecot.seed(account.address, [*messages(COUNT), *messages(1, first=COUNT + 1, octets=LARGE)])
    fetcher.start()
    fetcher.wait_metric("retries_total", 2)
    assert not receiver.events, "it does not go another way"
    with running_proxy(tmp_path, port=proxy):
        receiver.wait_accepted(COUNT + 1, seconds=30)
        fetcher.wait_state("Idle")
        assert f"POST {receiver.url} HTTP/1.1" in (tmp_path / "proxy.log").read_text()
    found = tally(receiver, message_ids(COUNT + 1))
    assert (found.lost, found.repeats, found.strange) == (0, 0, 0), found


def told(folder: Path) -> list[str]:
    """Return nginx's lines about requests."""
    return (folder / "access.log").read_text().splitlines()
