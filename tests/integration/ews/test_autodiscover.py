"""Autodiscover, with names of its own: the program in a mount namespace with other hosts, the servers on the usual ports."""

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from testbed.address import addresses_of_their_own
from testbed.ews.misbehaving import redirecting, without_soap_autodiscover
from testbed.ews.server import Exchange, running_exchange
from testbed.names import serving_srv
from testbed.pki import Pki

pytestmark = [pytest.mark.integration, pytest.mark.timeout(120)]

DISCOVERY, EXCHANGE = "autodiscover.corp.test", "exchange.corp.test"
NAMES = ("corp.test", DISCOVERY, EXCHANGE)
ELSEWHERE = "exchange.elsewhere.test"
PASSWORD = "correct horse"
Results = dict[str, dict[str, Any]]
Verify = Callable[..., Results]


@pytest.fixture
def addresses() -> Iterator[list[str]]:
    """One for Exchange, one for a web server without TLS."""
    with addresses_of_their_own(2) as held:
        yield held


@pytest.fixture
def exchange(tmp_path: Path, addresses: list[str]) -> Iterator[Exchange]:
    pki = Pki.make(tmp_path / "pki", *NAMES, ELSEWHERE)
    with running_exchange(pki=pki, address=addresses[0], port=443) as running:
        running.add_account("reception@corp.test", PASSWORD)
        running.state.autodiscover_url = f"https://{EXCHANGE}/EWS/Exchange.asmx"
        yield running


@pytest.fixture
def verify(exchange: Exchange, addresses: list[str], tmp_path: Path) -> Verify:  # noqa: ARG001 - it runs first
    """Runs `mailbox-operator verify` where only the given names are known, and the domain's SRV record if one is given.

    `plain`: names of the web server.
    """

    def run(*names: str, srv: str = "", plain: tuple[str, ...] = ()) -> Results:
        hosts = dict.fromkeys(names, addresses[0]) | dict.fromkeys(plain, addresses[1])
        (tmp_path / "hosts").write_text("".join(f"{address} {name}\n" for name, address in hosts.items()))
        (tmp_path / "resolv.conf").write_text(f"nameserver {addresses[0]}\noptions timeout:10 attempts:1\n")
        manifest = {
            "apiVersion": "mailbox-operator.io/v1alpha1",
            "kind": "Mailbox",
            "metadata": {"name": "reception"},
            "spec": {
                "address": "reception@corp.test",
                "incoming": {"protocol": "EWS"},
                "outgoing": {"protocol": "None"},
                "credentials": {"passwordSecretRef": {"name": "reception-mail"}},
            },
        }
        (tmp_path / "mailbox.yaml").write_text(yaml.safe_dump(manifest))
        mount = "mount --bind hosts /etc/hosts && mount --bind resolv.conf /etc/resolv.conf"
        program = [sys.executable, "-m", "mailbox_operator", "verify", "-f", "mailbox.yaml", "-o", "json"]
        command = ["unshare", "--mount", "sh", "-c", f'{mount} && exec "$@"', "sh", *program]
        command += ["--password-stdin", "--ca-file", "pki/ca.pem"]
        with serving_srv(addresses[0], {"_autodiscover._tcp.corp.test": srv} if srv else {}):
            done = subprocess.run(
                command, input=PASSWORD, cwd=tmp_path, capture_output=True, text=True, check=False, timeout=120
            )
        assert done.stdout, done.stderr
        return {one["step"]: one for one in json.loads(done.stdout)["results"]}

    return run


@pytest.fixture
def web(addresses: list[str]) -> Iterator[Exchange]:
    """A server without TLS, which takes note of every credential that it is shown."""
    with running_exchange(pki=None, address=addresses[1], port=80) as running:
        running.add_account("reception@corp.test", PASSWORD)
        yield running


def test_the_service_is_found_by_the_domain_alone(exchange: Exchange, verify: Verify) -> None:
    found = verify(*NAMES)
    assert {one["verdict"] for one in found.values()} == {"True"}, found
    assert {name for _, name, _ in exchange.state.sign_ins} == {"reception@corp.test"}


def test_the_domain_itself_is_asked_where_there_is_no_autodiscover_host(exchange: Exchange, verify: Verify) -> None:
    found = verify("corp.test", EXCHANGE)
    assert found["FoldersAccessible"]["verdict"] == "True", found
    exchange.state.misbehaviours.append(redirecting("https://elsewhere.test/", below="/autodiscover"))
    found = verify("corp.test", EXCHANGE)
    assert found["IncomingReachable"]["verdict"] == "False", "a password does not follow a redirection"


def test_a_dns_record_leads_to_a_host_of_the_domain(exchange: Exchange, verify: Verify) -> None:
    found = verify(EXCHANGE, srv=f"0 0 443 {EXCHANGE}.")
    assert found["FoldersAccessible"]["verdict"] == "True", found
    assert exchange.state.violations == []


def test_a_dns_record_that_says_there_is_none_is_none(verify: Verify) -> None:
    found = verify(EXCHANGE, srv="0 0 0 .")["IncomingReachable"]
    assert (found["verdict"], found["reason"]) == ("False", "HostNotFound")
    assert "corp.test" in found["message"]


def test_no_credential_is_shown_where_a_dns_record_leads_out_of_the_domain(exchange: Exchange, verify: Verify) -> None:
    found = verify(ELSEWHERE, srv=f"0 0 443 {ELSEWHERE}.")["IncomingReachable"]
    assert (found["verdict"], found["reason"]) == ("False", "AutodiscoverFailed")
    assert f"a DNS record names {ELSEWHERE}, which is not within corp.test" in found["message"]
    assert "Set incoming.url" in found["message"]
    assert exchange.state.sign_ins == []


def test_no_credential_is_shown_where_a_dns_record_holds_a_name_that_leads_out_of_the_domain_within_a_url(
    exchange: Exchange, verify: Verify
) -> None:
    name = f"{ELSEWHERE}/x.corp.test"
    found = verify(ELSEWHERE, name, srv=f"0 0 443 {name}.")["IncomingReachable"]
    assert (found["verdict"], found["reason"]) == ("False", "AutodiscoverFailed"), found
    assert exchange.state.sign_ins == []


def test_a_redirection_over_plain_http_leads_to_a_host_of_the_domain_and_hears_no_credential(
    exchange: Exchange, web: Exchange, verify: Verify
) -> None:
    web.state.misbehaviours.append(redirecting(f"https://{EXCHANGE}/autodiscover/autodiscover.xml"))
    found = verify(EXCHANGE, plain=(DISCOVERY,))
    assert found["FoldersAccessible"]["verdict"] == "True", found
    assert web.state.sign_ins == []
    assert {accepted for _, _, accepted in exchange.state.sign_ins} == {True}


def test_a_redirection_over_plain_http_out_of_the_domain_is_not_followed(
    exchange: Exchange, web: Exchange, verify: Verify
) -> None:
    web.state.misbehaviours.append(redirecting(f"https://{ELSEWHERE}/autodiscover/autodiscover.xml"))
    found = verify(ELSEWHERE, plain=(DISCOVERY,))["IncomingReachable"]
    assert (found["verdict"], found["reason"]) == ("False", "AutodiscoverFailed"), found
    assert f"a redirection over HTTP names {ELSEWHERE}" in found["message"]
    assert [*exchange.state.sign_ins, *web.state.sign_ins] == []


def test_autodiscover_itself_may_name_another_address_of_the_mailbox(exchange: Exchange, verify: Verify) -> None:
    exchange.add_account("r@corp.test", PASSWORD)
    exchange.state.autodiscover_leads = {"reception@corp.test": "r@corp.test"}
    assert verify(*NAMES)["FoldersAccessible"]["verdict"] == "True"
    exchange.state.autodiscover_leads = {"reception@corp.test": "nobody@corp.test"}
    found = verify(*NAMES)["IncomingAuthenticated"]
    assert (found["verdict"], found["reason"]) == ("False", "MailboxNotFound"), found


def test_a_server_that_has_no_soap_is_asked_in_plain_xml(exchange: Exchange, verify: Verify) -> None:
    exchange.state.misbehaviours.append(without_soap_autodiscover)
    assert {one["verdict"] for one in verify(*NAMES).values()} == {"True"}
    exchange.add_account("r@corp.test", PASSWORD)
    exchange.state.autodiscover_leads = {"reception@corp.test": "r@corp.test"}
    assert verify(*NAMES)["FoldersAccessible"]["verdict"] == "True"
    exchange.state.autodiscover_leads = {"reception@corp.test": "nobody@corp.test"}
    found = verify(*NAMES)["IncomingAuthenticated"]
    assert (found["verdict"], found["reason"]) == ("False", "MailboxNotFound"), found


def test_no_credential_goes_to_a_service_that_is_not_secured(exchange: Exchange, verify: Verify) -> None:
    exchange.state.autodiscover_url = f"http://{EXCHANGE}/EWS/Exchange.asmx"
    found = verify(*NAMES)["IncomingAuthenticated"]
    assert found["verdict"] == "False"
    assert "not https" in found["message"]
