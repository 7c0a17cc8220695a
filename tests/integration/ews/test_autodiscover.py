"""Autodiscover, with names of its own: the program in a mount namespace with other hosts, the server on the usual port."""

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from testbed.address import address_of_its_own
from testbed.ews.misbehaving import redirecting
from testbed.ews.server import Exchange, running_exchange
from testbed.pki import Pki

pytestmark = [pytest.mark.integration, pytest.mark.timeout(60)]

NAMES = ("corp.test", "autodiscover.corp.test", "exchange.corp.test")
PASSWORD = "correct horse"
Verify = Callable[..., dict[str, dict[str, Any]]]


@pytest.fixture
def exchange(tmp_path: Path) -> Iterator[Exchange]:
    pki = Pki.make(tmp_path / "pki", *NAMES)
    with address_of_its_own() as address, running_exchange(pki=pki, address=address, port=443) as running:
        running.add_account("reception@corp.test", PASSWORD)
        running.state.autodiscover_url = "https://exchange.corp.test/EWS/Exchange.asmx"
        yield running


@pytest.fixture
def verify(exchange: Exchange, tmp_path: Path) -> Verify:
    """Runs `mailbox-operator verify` where only the given names are known."""

    def run(*names: str) -> dict[str, dict[str, Any]]:
        address = exchange.server.server_address[0]
        (tmp_path / "hosts").write_text("".join(f"{address!s} {name}\n" for name in names))
        (tmp_path / "resolv.conf").write_text("nameserver 127.0.0.1\noptions timeout:1 attempts:1\n")
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
        done = subprocess.run(
            command, input=PASSWORD, cwd=tmp_path, capture_output=True, text=True, check=False, timeout=120
        )
        assert done.stdout, done.stderr
        return {one["step"]: one for one in json.loads(done.stdout)["results"]}

    return run


def test_the_service_is_found_by_the_domain_alone(exchange: Exchange, verify: Verify) -> None:
    found = verify(*NAMES)
    assert {one["verdict"] for one in found.values()} == {"True"}, found
    assert {name for _, name, _ in exchange.state.sign_ins} == {"reception@corp.test"}


def test_the_domain_itself_is_asked_where_there_is_no_autodiscover_host(exchange: Exchange, verify: Verify) -> None:
    found = verify("corp.test", "exchange.corp.test")
    assert found["FoldersAccessible"]["verdict"] == "True", found
    exchange.state.misbehaviours.append(redirecting("https://elsewhere.test/", below="/autodiscover"))
    found = verify("corp.test", "exchange.corp.test")
    assert found["IncomingReachable"]["verdict"] == "False", "a password does not follow a redirection"


def test_no_credential_goes_to_a_service_that_is_not_secured(exchange: Exchange, verify: Verify) -> None:
    exchange.state.autodiscover_url = "http://exchange.corp.test/EWS/Exchange.asmx"
    found = verify(*NAMES)["IncomingAuthenticated"]
    assert found["verdict"] == "False"
    assert "not https" in found["message"]
