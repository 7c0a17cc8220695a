"""What a test can have the server do wrong, as real servers do."""

from collections.abc import Callable
from pathlib import PurePosixPath
from typing import Final

from testbed.ews.soap import FaultError, fault, to_octets
from testbed.ews.state import Exchange, Misbehaviour

HTML: Final = {"Content-Type": "text/html"}
RUNTIME_ERROR: Final = (
    b"<html><head><title>Runtime Error</title></head><body>Server Error in '/EWS' Application.</body></html>"
)


def limited(misbehaviour: Misbehaviour, *, times: int) -> Misbehaviour:
    """Return one that stops after so many answers."""
    left = [times]

    def act(exchange: Exchange, operation: str) -> bool:
        if not left[0] or not misbehaviour(exchange, operation):
            return False
        left[0] -= 1
        return True

    return act


def at(name: str, act: Callable[[Exchange], None]) -> Misbehaviour:
    """Return one that answers an operation, after the sign-in; "" stands for whatever comes, before it."""

    def judge(exchange: Exchange, operation: str) -> bool:
        if operation != name:
            return False
        act(exchange)
        return True

    return judge


def answering(status: int, *, body: bytes = b"", headers: dict[str, str] | None = None) -> Callable[[Exchange], None]:
    """Return an act that answers an HTTP status."""
    return lambda exchange: exchange.reply(status, body=body, headers=headers)


def busy(milliseconds: int) -> Callable[[Exchange], None]:
    """Return an act that answers ErrorServerBusy with a delay (the vendor's page on EWS throttling)."""
    text = "The server cannot service this request right now. Try again later."
    return faulting("ErrorServerBusy", text, values={"BackOffMilliseconds": str(milliseconds)})


def faulting(code: str, text: str, *, values: dict[str, str] | None = None) -> Callable[[Exchange], None]:
    """Return an act that answers a SOAP fault."""
    body = to_octets(fault(FaultError(code, text, values=values)))
    return lambda exchange: exchange.reply(500, body=body, headers={"Content-Type": "text/xml; charset=utf-8"})


def redirecting(url: str, *, below: str = "") -> Misbehaviour:
    """Return one that redirects what is asked for below a path."""

    def judge(exchange: Exchange, operation: str) -> bool:
        if operation or not PurePosixPath(exchange.path.lower()).is_relative_to(below or "/"):
            return False
        exchange.reply(302, headers={"Location": url})
        return True

    return judge


def without_soap_autodiscover(exchange: Exchange, operation: str) -> bool:
    """Answer as a server that has autodiscover in plain XML alone."""
    if operation or not exchange.path.lower().endswith(".svc"):
        return False
    exchange.reply(404, body=b"<html><head><title>404 Not Found</title></head></html>", headers=HTML)
    return True
