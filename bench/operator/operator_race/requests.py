"""What the API server says it was asked for."""

import re
from collections import Counter
from collections.abc import Iterator
from typing import Final, NamedTuple

CONTROL_PLANE: Final = frozenset({"", "leases", "endpoints", "endpointslices"})
"""Resources that the control plane's own clocks ask for."""
ASKED: Final = frozenset({"selfsubjectaccessreviews"})
"""Resources that nothing is stored of: a POST to one is a question."""
READS: Final = frozenset({"GET", "LIST"})


class Request(NamedTuple):
    """A kind of request."""

    verb: str
    """As the API server counts: APPLY is a server-side apply, PATCH any other patch."""
    resource: str
    subresource: str = ""

    @property
    def is_write(self) -> bool:
        """Whether it changes something."""
        return self.verb not in READS and self.resource not in ASKED


def parse_requests(metrics: str) -> Counter[Request]:
    """Return how many requests of each kind were served, without watches and the control plane's own."""
    found: Counter[Request] = Counter()
    for labels, value in _samples(metrics, "apiserver_request_total"):
        request = Request(labels["verb"], labels["resource"], labels["subresource"])
        if request.resource not in CONTROL_PLANE and request.verb != "WATCH":
            found[request] += round(value)
    return found


def _samples(metrics: str, name: str) -> Iterator[tuple[dict[str, str], float]]:
    for line in metrics.splitlines():
        if line.startswith(f"{name}{{"):
            labels, _, value = line.rpartition(" ")
            yield dict(re.findall(r'(\w+)="([^"]*)"', labels)), float(value)
