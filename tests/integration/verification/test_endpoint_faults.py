"""Endpoints that are wrong, silent, or not to be dialled: named, and never longer than the deadline."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import replace

import pytest

from integration.conftest import Account
from integration.verification.targets import by_step, changed, outgoing, prove, receiving
from mailbox_operator.diagnosis.finding import Retry
from mailbox_operator.mail.endpoint import Security, TlsOptions
from mailbox_operator.mail.guard import AddressPolicy
from mailbox_operator.verification.model import Step, Timeouts, Verdict
from testbed.mailserver import MailServer, free_ports

pytestmark = [pytest.mark.integration, pytest.mark.timeout(60)]


@pytest.mark.parametrize(
    ("change", "step", "reason"),
    [
        ({"host": "nowhere.invalid"}, Step.INCOMING_REACHABLE, "HostNotFound"),
        ({"tls": TlsOptions()}, Step.INCOMING_SECURED, "TLSCertificateUntrusted"),
        ({"host": "127.0.0.2"}, Step.INCOMING_REACHABLE, "ConnectionRefused"),
    ],
)
async def test_faults_of_the_endpoint_are_named(
    server: MailServer, account: Account, change: dict[str, object], step: Step, reason: str
) -> None:
    target = receiving(server, account)
    found = by_step(await prove(replace(target, incoming=changed(target.incoming, **change))))[step]
    assert (found.verdict, found.reason) == (Verdict.FALSE, reason)


async def test_a_name_that_is_not_in_the_certificate_is_refused(server: MailServer, account: Account) -> None:
    target = receiving(server, account)
    tls = TlsOptions(ca_pem=server.ca_pem, server_name="other.peers.test")
    found = by_step(await prove(replace(target, incoming=changed(target.incoming, tls=tls))))[Step.INCOMING_SECURED]
    assert found.reason == "TLSHostnameMismatch"
    assert "other.peers.test" in found.message


async def test_tls_on_a_plain_port_says_what_to_write(server: MailServer, account: Account) -> None:
    target = receiving(server, account)
    side = changed(target.incoming, port=server.dovecot.imap)
    found = by_step(await prove(replace(target, incoming=side)))[Step.INCOMING_SECURED]
    assert found.reason == "TLSModeMismatch"
    assert "StartTLS" in found.message


async def test_starttls_on_a_tls_port_ends_at_the_deadline(server: MailServer, account: Account) -> None:
    target = receiving(server, account)
    side = changed(target.incoming, security=Security.START_TLS)
    found = by_step(await prove(replace(target, incoming=side, timeouts=Timeouts(connect=1))))[Step.INCOMING_REACHABLE]
    assert found.reason == "ServerSilent"
    assert "security TLS" in found.message


async def test_another_protocol_on_the_port_is_recognised(server: MailServer, account: Account) -> None:
    target = receiving(server, account)
    side = changed(target.incoming, port=server.postfix.smtp, security=Security.START_TLS)
    found = by_step(await prove(replace(target, incoming=side)))[Step.INCOMING_REACHABLE]
    assert (found.reason, found.retry) == ("WrongProtocol", Retry.NO)
    sending = changed(outgoing(server, account), port=server.dovecot.imap)
    found = by_step(await prove(replace(target, outgoing=sending)))[Step.OUTGOING_REACHABLE]
    assert (found.reason, found.retry) == ("WrongProtocol", Retry.NO)


async def test_a_loopback_address_is_not_dialled_for_anybody(server: MailServer, account: Account) -> None:
    found = by_step(await prove(receiving(server, account), AddressPolicy()))[Step.INCOMING_REACHABLE]
    assert (found.reason, found.retry) == ("ForbiddenAddress", Retry.NO)
    assert "network.allowed" in found.message


@asynccontextmanager
async def listening(greeting: bytes, *, pause: float, tagged: bytes = b"") -> AsyncIterator[int]:
    """A server that sends its greeting octet by octet, and then answers each command with the same words, if any."""
    done = asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError):
            for octet in greeting:
                writer.write(bytes([octet]))
                await writer.drain()
                await asyncio.sleep(pause)
            while tagged and (line := await reader.readline()):
                writer.write(line.partition(b" ")[0] + b" " + tagged)
            await reader.read()
        writer.close()
        done.set()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        port: int = server.sockets[0].getsockname()[1]
        yield port
        await done.wait()


@pytest.mark.parametrize("greeting", [b"", b"* OK " + b"slowly " * 100])
async def test_a_silent_or_trickling_server_holds_us_no_longer_than_the_deadline(
    server: MailServer, account: Account, greeting: bytes
) -> None:
    target = replace(receiving(server, account), timeouts=Timeouts(connect=1))
    async with listening(greeting, pause=0.2) as port:
        side = changed(target.incoming, host="127.0.0.1", port=port, security=Security.NONE)
        async with asyncio.timeout(40):
            found = by_step(await prove(replace(target, incoming=side)))[Step.INCOMING_REACHABLE]
    assert (found.reason, found.retry) == ("ServerSilent", Retry.BACKOFF)


async def test_starttls_that_is_not_offered_is_never_done_without(server: MailServer, account: Account) -> None:
    target = receiving(server, account)
    capabilities = b"* OK ready\r\n* CAPABILITY IMAP4rev1 AUTH=PLAIN\r\n"
    async with listening(capabilities, pause=0, tagged=b"OK done\r\n") as port:
        side = changed(target.incoming, host="127.0.0.1", port=port, security=Security.START_TLS)
        found = by_step(await prove(replace(target, incoming=side)))
    assert found[Step.INCOMING_SECURED].reason == "StartTLSUnavailable"
    assert found[Step.INCOMING_AUTHENTICATED].reason == "BlockedByEarlierStep"


async def test_a_port_where_nobody_listens_is_refused(server: MailServer, account: Account) -> None:
    target = receiving(server, account)
    side = changed(target.incoming, port=free_ports(1)[0])
    found = by_step(await prove(replace(target, incoming=side)))[Step.INCOMING_REACHABLE]
    assert (found.reason, found.retry) == ("ConnectionRefused", Retry.BACKOFF)
