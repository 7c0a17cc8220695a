"""What autodiscover says, step by step, and what of it is followed."""

import asyncio
import select
import socket
import time
from collections.abc import AsyncIterator
from contextlib import ExitStack, asynccontextmanager
from functools import partial

import pytest

from integration.ews.conftest import Post
from mailbox_operator.mail.credential import Credential
from mailbox_operator.mail.endpoint import TlsOptions
from mailbox_operator.mail.errors import MailError
from mailbox_operator.mail.ews.client import Door, Taste
from mailbox_operator.mail.ews.discovery import LEAD_SECONDS, PATH, XML_PATH, find_service, is_within, read_redirection
from mailbox_operator.mail.ews.wire import READ_SECONDS, Wire
from mailbox_operator.mail.guard import ANYTHING
from mailbox_operator.mail.secret import Secret
from testbed.ews.misbehaving import answering, at, redirecting, without_soap_autodiscover
from testbed.ews.server import running_exchange
from testbed.scripted import talking

pytestmark = [pytest.mark.integration, pytest.mark.timeout(60)]


@asynccontextmanager
async def opened(ca_pem: str | None = None) -> AsyncIterator[Door]:
    wire = Wire(policy=ANYTHING, most_octets=1 << 20)
    try:
        yield Door(wire=wire, tls=TlsOptions(ca_pem=ca_pem), name_of="localhost")
    finally:
        wire.close()


@pytest.mark.parametrize(
    ("target", "lead"),
    [
        ("https://mail.corp.test/autodiscover/autodiscover.xml", ("mail.corp.test", 443)),
        ("HTTPS://mail.corp.test:8443", ("mail.corp.test", 8443)),
        ("http://mail.corp.test/autodiscover/autodiscover.xml", None),
        ("/autodiscover/elsewhere.xml", None),
        ("https:///autodiscover", None),
        ("https://[::1/autodiscover", None),
        ("https://mail.corp.test:99999/", None),
    ],
)
async def test_of_a_redirection_only_a_host_by_https_counts(target: str, lead: tuple[str, int] | None) -> None:
    with running_exchange(pki=None) as exchange:
        exchange.state.misbehaviours.append(redirecting(target))
        async with opened() as door:
            assert (
                await door.wire.run(lambda: read_redirection("localhost", wire=door.wire, port=exchange.port)) == lead
            )
        assert exchange.state.sign_ins == []


async def test_a_web_server_that_does_not_redirect_and_one_that_is_not_there_name_nobody() -> None:
    with running_exchange(pki=None) as exchange:
        exchange.state.misbehaviours.append(at("", answering(200, headers={"Location": "https://mail.corp.test/"})))
        async with opened() as door:
            assert (
                await door.wire.run(lambda: read_redirection("localhost", wire=door.wire, port=exchange.port)) is None
            )
    async with opened() as door:
        assert await door.wire.run(lambda: read_redirection("localhost", wire=door.wire, port=1)) is None


async def test_a_web_server_that_says_nothing_does_not_take_all_the_time_there_is() -> None:
    began = time.monotonic()
    with (
        talking(lambda _: None) as silent,
        socket.create_server(("127.0.0.1", 0), backlog=0) as full,
        ExitStack() as stack,
    ):
        ports = silent, full.getsockname()[1]
        for _ in range(3):  # the kernel drops what does not fit the backlog
            waiting = stack.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex(("127.0.0.1", ports[1]))
        async with opened() as door:
            asked = (partial(read_redirection, "127.0.0.1", wire=door.wire, port=port) for port in ports)
            assert await asyncio.gather(*(door.wire.run(one) for one in asked)) == [None, None]
    assert time.monotonic() - began < READ_SECONDS / 2


async def test_a_web_server_that_trickles_does_not_either() -> None:
    def trickle(connection: socket.socket) -> None:
        connection.sendall(b"HTTP/1.1 302 Found\r\nX: ")
        while select.select([connection], [], [], LEAD_SECONDS / 10)[0] == [] or connection.recv(4096):
            connection.sendall(b"x")

    began = time.monotonic()
    with talking(trickle) as port:
        async with opened() as door:
            asking = partial(read_redirection, "127.0.0.1", wire=door.wire, port=port)
            assert await door.wire.run(asking) is None
    assert time.monotonic() - began < READ_SECONDS / 2, "each read was in time"


async def service_of(post: Post, lead: str = "", *, path: str = PATH, password: str = "") -> str:
    """Return the service that is found where autodiscover says the same again and again."""
    first = Taste(url=post.exchange.url().replace("/EWS/Exchange.asmx", path), offers=("ntlm",))
    who = Credential(username=post.account.address, secret=Secret(password or post.account.password))
    post.exchange.state.autodiscover_url = "https://mail.corp.test/EWS/Exchange.asmx"
    post.exchange.state.autodiscover_leads = {post.account.address: lead} if lead else {}
    async with opened((post.pki.folder / "ca.pem").read_text()) as door:
        return (
            await door.wire.run(lambda: find_service(first, address=post.account.address, credential=who, door=door))
        )[0]


async def test_a_server_that_was_vouched_for_names_the_service(post: Post) -> None:
    assert await service_of(post) == "https://mail.corp.test/EWS/Exchange.asmx"


async def test_it_may_name_another_server_but_not_without_end(post: Post) -> None:
    with pytest.raises(MailError, match="from one server to another") as caught:
        await service_of(post, post.exchange.url().replace("/EWS/Exchange.asmx", PATH))
    assert caught.value.vendor_code == "AutoDiscoverFailed"
    assert {accepted for _, _, accepted in post.exchange.state.sign_ins} == {True}


async def test_it_may_name_no_server_without_tls(post: Post) -> None:
    with pytest.raises(MailError, match="not https"):
        await service_of(post, "http://mail.corp.test/autodiscover/autodiscover.svc")


async def test_a_server_that_turns_out_to_have_no_soap_is_asked_in_plain_xml(post: Post) -> None:
    post.exchange.state.misbehaviours.append(without_soap_autodiscover)
    assert await service_of(post) == "https://mail.corp.test/EWS/Exchange.asmx"


async def test_in_plain_xml_it_may_name_another_server_but_not_without_end_nor_without_tls(post: Post) -> None:
    own = post.exchange.url().replace("/EWS/Exchange.asmx", XML_PATH)
    assert await service_of(post, path=XML_PATH) == "https://mail.corp.test/EWS/Exchange.asmx"
    with pytest.raises(MailError, match="from one server to another"):
        await service_of(post, own, path=XML_PATH)
    with pytest.raises(MailError, match="not https"):
        await service_of(post, "http://mail.corp.test/autodiscover/autodiscover.xml", path=XML_PATH)


async def test_a_refused_credential_is_shown_once_in_plain_xml_too(post: Post) -> None:
    with pytest.raises(MailError) as caught:
        await service_of(post, path=XML_PATH, password="another")
    assert caught.value.status == "401"
    assert [accepted for _, _, accepted in post.exchange.state.sign_ins] == [False]


@pytest.mark.parametrize(
    ("host", "within"),
    [
        ("corp.test", True),
        ("Mail.CORP.test.", True),
        ("mail.corp.test.evil.test", False),
        ("xcorp.test", False),
        ("evil.test/x.corp.test", False),
        ("evil.test\\.corp.test", False),
        ("evil.test#.corp.test", False),
        ("evil.test?.corp.test", False),
        ("evil.test:443/.corp.test", False),
    ],
)
def test_a_host_is_within_a_domain_by_whole_labels(host: str, *, within: bool) -> None:
    assert is_within(host, "corp.test") == within
