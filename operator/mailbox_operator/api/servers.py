"""The two sides of a Mailbox: where mail comes in, and where it goes out."""

from typing import Final, Literal

from pydantic import ConfigDict, Field

from mailbox_operator.api.credentials import Credentials
from mailbox_operator.api.model import Model
from mailbox_operator.api.rules import AS_ONE, Rule, rules_at_once
from mailbox_operator.api.syntax import URL, Host, Port

SecurityName = Literal["TLS", "StartTLS", "None"]

PROTOCOL: Final = {"protocol": "has(self.protocol) ? self.protocol : ''"}

URL_ALONE: Final[Rule] = (
    "!has(self.url) || !(has(self.host) || has(self.port) || has(self.security))",
    "url says it all: remove host, port and security beside it",
)
HTTPS_ALWAYS: Final[Rule] = (
    "!(protocol in ['EWS', 'Graph', 'Gmail']) || !(has(self.port) || has(self.security))",
    "port and security are for IMAP, POP3 and SMTP: EWS, Graph and Gmail always speak HTTPS",
)
FIXED_ADDRESS: Final[Rule] = (
    "!(protocol in ['Graph', 'Gmail']) || !has(self.host)",
    "Graph and Gmail have addresses of their own: remove host",
)


class Incoming(Model):
    """Where mail comes in. Each field overrides the provider's."""

    model_config = ConfigDict(
        json_schema_extra=rules_at_once(
            (
                "!has(self.url) || protocol in ['', 'EWS']",
                "url is for protocol EWS: for IMAP and POP3 write host, and port where it is unusual",
            ),
            URL_ALONE,
            HTTPS_ALWAYS,
            FIXED_ADDRESS,
            operands=PROTOCOL,
        )
        | AS_ONE
    )

    protocol: Literal["IMAP", "POP3", "EWS", "Graph", "Gmail"] | None = Field(
        default=None, description="Protocol to fetch by."
    )
    host: Host | None = Field(default=None, description="Name or address of the server, without scheme and port.")
    port: Port | None = Field(default=None, description="Default: the usual port of protocol and security.")
    security: SecurityName | None = Field(
        default=None, description="TLS from the first octet (the default), StartTLS, or None (warned about)."
    )
    url: URL | None = Field(default=None, description="EWS endpoint.")


class Outgoing(Model):
    """Where mail goes out. Each field overrides the provider's."""

    model_config = ConfigDict(
        json_schema_extra=rules_at_once(
            (
                (
                    "protocol != 'None' || "
                    "!(has(self.host) || has(self.port) || has(self.security) || has(self.url) || has(self.credentials))"
                ),
                "protocol None means that nothing is sent: remove the other fields of outgoing",
            ),
            (
                "!has(self.url) || protocol in ['', 'EWS', 'None']",
                "url is for protocol EWS: for SMTP write host, and port where it is unusual",
            ),
            URL_ALONE,
            HTTPS_ALWAYS,
            FIXED_ADDRESS,
            operands=PROTOCOL,
        )
        | AS_ONE
    )

    protocol: Literal["SMTP", "EWS", "Graph", "Gmail", "None"] | None = Field(
        default=None, description="Protocol to send by; None: the mailbox only receives."
    )
    host: Host | None = Field(default=None, description="Name or address of the server, without scheme and port.")
    port: Port | None = Field(default=None, description="Default: the usual port of protocol and security.")
    security: SecurityName | None = Field(
        default=None, description="TLS from the first octet (the default), StartTLS, or None (warned about)."
    )
    url: URL | None = Field(default=None, description="EWS endpoint.")
    credentials: Credentials | None = Field(
        default=None, description="Where they differ from those of the incoming side."
    )
