"""Every way in which a mail server can fail a mailbox, side by side: real servers, each host with a name that says its fault."""

import imaplib
import poplib
import shutil
import smtplib
import ssl
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from testbed.address import addresses_of_their_own
from testbed.dovecot import Dovecot
from testbed.ews.misbehaving import answering, redirecting
from testbed.ews.server import Exchange, running_exchange
from testbed.ews.state import Exchange as Request
from testbed.fronts import Front, running_fronts
from testbed.hostile import (
    GREETINGS,
    Talk,
    closing,
    echoing,
    garbage,
    hostile_server,
    on_ports,
    resetting,
    silent,
    trickling,
)
from testbed.pki import Pki
from testbed.postfix import Postfix
from testbed.wire import broken_wire

DOMAIN: Final = "failures.test"
SMALL, RELAYLESS, WATCHFUL, CROWDED, DOVECOTS = 2587, 2588, 2589, 2465, 2590
"""Further submission ports of the good host: takes only small messages; relays for nobody; asks whether the recipient's
mailbox is full; takes one connection; Dovecot's own, which tells a broken account database from a wrong password."""
MESSAGES: Final = 3
"""More do not fit into an account."""
SESSIONS: Final = 3
"""More does no account get at once."""
BEHIND: Final = {993: 143, 995: 110, 465: 587, 443: 80}
"""Ports of implicit TLS, and those in plain text behind a front."""
FRONTS: Final = {"expired": "expired", "untrusted": "untrusted", "wrong-name": "wronghost", "old-tls": "server"}
"""Hosts by what is wrong with their TLS, and the certificate they show."""
TALKS: Final[dict[str, dict[int, Talk]]] = {
    "silent": on_ports(silent),
    "trickling": on_ports(trickling),
    "garbage": on_ports(garbage),
    "resetting": on_ports(resetting),
    "closing": on_ports(closing),
    "echoing": {port: echoing(port) for port in GREETINGS},
}
HOSTS: Final = ("good", "plain", "crowded", *FRONTS, *TALKS)
FORBIDDEN: Final = {"metadata": "169.254.169.254", "loopback": "127.0.0.1"}
"""Names that lead where the operator must not go."""

DOVECOT: Final = """
protocols = imap pop3 lmtp submission
submission_relay_host = {address}
submission_relay_port = 25
service submission-login {{
  inet_listener submission {{
    port = {port}
  }}
}}
mail_plugins = quota
protocol imap {{
  mail_plugins = quota acl
  mail_max_userip_connections = {sessions}
}}
protocol pop3 {{
  mail_max_userip_connections = {sessions}
}}
plugin {{
  acl = vfile
  quota = maildir:User quota
  quota_rule = *:messages={messages}
  quota_status_success = DUNNO
  quota_status_nouser = DUNNO
  quota_status_overquota = 552 5.2.2 Mailbox is full
}}
service quota-status {{
  executable = quota-status -p postfix
  unix_listener quota-status {{
    mode = 0666
  }}
}}
"""
WITHOUT_TLS: Final = "ssl = no\ndisable_plaintext_auth = yes\n"
SUBMISSION: Final = """\
{address}:{port} inet n - n - - smtpd
  -o syslog_name=postfix/{port}
  -o smtpd_tls_security_level=may
  -o smtpd_sasl_auth_enable=yes
  -o smtpd_relay_restrictions=permit_sasl_authenticated,reject
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Peers:
    """The hosts that run."""

    ca_pem: str
    names: dict[str, str]
    """For the cluster's DNS: each name and its address."""
    dovecot: Dovecot
    exchange: Exchange

    def account(self, name: str, password: str) -> None:
        """Make an account of the good host."""
        self.dovecot.set_password(f"{name}@{DOMAIN}", password)
        self.exchange.add_account(f"{name}@{DOMAIN}", password)


def host(name: str) -> str:
    """Return a host's full name."""
    return f"{name}.{DOMAIN}"


@contextmanager
def running_peers(*, entrances: list[str]) -> Iterator[Peers]:
    """Run them all; pods reach those behind the broken wire through the network interfaces `entrances`."""
    with ExitStack() as stack:
        root = Path(tempfile.mkdtemp(prefix="failures-"))
        stack.callback(shutil.rmtree, root, ignore_errors=True)
        root.chmod(0o755)  # Dovecot and Postfix run as users of their own
        addresses = dict(zip(HOSTS, stack.enter_context(addresses_of_their_own(len(HOSTS))), strict=True))
        good = addresses["good"]
        pki = Pki.make(root / "pki", *(host(name) for name in HOSTS if name != "wrong-name"))
        limits = DOVECOT.format(address=good, port=DOVECOTS, sessions=SESSIONS, messages=MESSAGES)
        dovecot = Dovecot.start(root / "dovecot", pki=pki, address=good, pop3=110, pop3s=995, settings=limits)
        stack.callback(dovecot.stop)
        plain = Dovecot.start(root / "plain", pki=pki, address=addresses["plain"], pop3=110, settings=WITHOUT_TLS)
        stack.callback(plain.stop)
        exchange = stack.enter_context(running_exchange(pki=pki, address=good, port=443))
        exchange.state.misbehaviours += [_busy, redirecting("http://169.254.169.254/latest", below="/redirecting")]
        stack.enter_context(running_exchange(pki=None, address=good, port=80))
        services = _services(dovecot, plain=addresses["plain"])
        postfix = Postfix.start(root / "postfix", dovecot=dovecot, pki=pki, domain=DOMAIN, services=services)
        stack.callback(postfix.stop)
        fronts = [
            Front(address=addresses[name], ports=BEHIND, certificate=certificate, old=name == "old-tls")
            for name, certificate in FRONTS.items()
        ]
        fronts.append(Front(address=addresses["crowded"], ports={993: 993, 995: 995, 465: CROWDED}))
        stack.enter_context(running_fronts(root / "nginx", fronts, behind=good, pki=pki))
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        tls.load_cert_chain(pki.certificate(), pki.key())
        for name, talks in TALKS.items():
            stack.enter_context(hostile_server(addresses[name], talks, tls=None if name in UNSECURED else tls))
        wire = stack.enter_context(broken_wire(good.rpartition(".")[0], entrances=entrances))
        names = {host(name): address for name, address in (addresses | wire.addresses | FORBIDDEN).items()}
        yield Peers(ca_pem=pki.ca_pem, names=names, dovecot=dovecot, exchange=exchange)


UNSECURED: Final = {"silent", "resetting", "closing"}
"""Ill even before TLS."""


def _busy(request: Request, operation: str) -> bool:
    """Below /busy, Exchange is being restarted."""
    if operation or not request.path.startswith("/busy/"):
        return False
    answering(503)(request)
    return True


def _services(dovecot: Dovecot, *, plain: str) -> str:
    """Return Postfix's further doors."""
    doors = {
        (dovecot.address, SMALL): "-o message_size_limit=200",
        (dovecot.address, RELAYLESS): "-o smtpd_relay_restrictions=reject_unauth_destination",
        (
            dovecot.address,
            WATCHFUL,
        ): f"-o smtpd_recipient_restrictions=check_policy_service,unix:{dovecot.root}/run/quota-status",
        (dovecot.address, CROWDED): "-o smtpd_tls_wrappermode=yes -o smtpd_client_connection_count_limit=1",
        (plain, 587): "-o smtpd_tls_security_level=none",
    }
    options = {
        door: "".join(f"  {line}\n" for line in extra.replace(" -o", "\n-o").split("\n"))
        for door, extra in doors.items()
    }
    return "".join(SUBMISSION.format(address=door[0], port=door[1]) + extra for door, extra in options.items())


@contextmanager
def crowded(peers: Peers, name: str, password: str) -> Iterator[None]:
    """Hold every session that an account may have on the crowded host."""
    address = peers.names[host("good")]
    tls = ssl.create_default_context(cadata=peers.ca_pem)
    tls.check_hostname = False  # its name is the cluster's to resolve
    with ExitStack() as stack:
        for _ in range(SESSIONS):
            session = imaplib.IMAP4_SSL(address, ssl_context=tls, timeout=10)
            stack.callback(session.shutdown)
            session.login(f"{name}@{DOMAIN}", password)
            other = poplib.POP3_SSL(address, context=tls, timeout=10)
            stack.callback(other.close)
            other.user(f"{name}@{DOMAIN}")
            other.pass_(password)
        stack.enter_context(smtplib.SMTP_SSL(address, CROWDED, context=tls, timeout=10))
        yield
