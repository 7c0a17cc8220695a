"""A DNS server that knows a few SRV records and no other name."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import dns.flags
import dns.message
import dns.rcode
import dns.rrset


@contextmanager
def serving_srv(address: str, records: dict[str, str]) -> Iterator[None]:
    """Answer on the usual port of an address: `records` are `priority weight port target.` by name."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as listening:
        listening.bind((address, 53))
        thread = threading.Thread(target=_serve, args=(listening, records), name="names")
        thread.start()
        try:
            yield
        finally:
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as last:
                last.sendto(b"", (address, 53))
            thread.join(timeout=15)


def _serve(listening: socket.socket, records: dict[str, str]) -> None:
    while True:
        octets, peer = listening.recvfrom(4096)
        if not octets:
            return
        query = dns.message.from_wire(octets)
        answer = dns.message.make_response(query)
        answer.flags |= dns.flags.RA
        name = query.question[0].name
        text = records.get(name.to_text(omit_final_dot=True).lower())
        if text is None:
            answer.set_rcode(dns.rcode.NXDOMAIN)
        elif query.question[0].rdtype == dns.rdatatype.SRV:
            answer.answer.append(dns.rrset.from_text(name, 5, "IN", "SRV", text))
        listening.sendto(answer.to_wire(), peer)
