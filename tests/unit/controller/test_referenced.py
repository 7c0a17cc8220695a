"""What a run reads of the API server, and how often."""

import base64

import pytest

from mailbox_operator.api.references import CertificateConfigMap, CertificateSecret, SecretKey
from mailbox_operator.api.tls import Tls
from mailbox_operator.controller.kinds import SECRET as SECRET_KIND
from mailbox_operator.controller.kinds import Key
from mailbox_operator.controller.referenced import KEPT_SECONDS, MOST_KEPT, Bundles, Referenced
from unit.controller.api_server import ApiServer, serving

BY_CONFIG_MAP = Tls(ca_config_map_ref=CertificateConfigMap(name="ca"))
BY_SECRET = Tls(ca_secret_ref=CertificateSecret(name="ca"))
BUNDLE = {"data": {"ca.crt": "PEM"}}
SECRET = {"data": {name: base64.b64encode(name.encode()).decode() for name in ("password", "other", "ca.crt")}}


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def unseen(_: Key) -> None:
    """No watch has shown anything."""


async def test_an_object_is_read_once_a_run() -> None:
    server = ApiServer(answer=lambda _: (200, SECRET))
    async with serving(server) as client:
        run = Referenced(client=client, namespace="helpdesk", bundles=Bundles(), seen=unseen, fresh=True)
        assert (await run.password(SecretKey(name="ca"))).reveal() == "password"
        assert (await run.password(SecretKey(name="ca", key="other"))).reveal() == "other"
        assert await run.ca(BY_SECRET) == "ca.crt"
    assert len(server.asked) == 1


@pytest.mark.parametrize(
    ("fresh", "seconds", "reads"), [(False, KEPT_SECONDS - 1, 1), (False, KEPT_SECONDS, 2), (True, 0, 2)]
)
async def test_a_public_bundle_is_kept_for_a_minute_unless_somebody_waits(
    *, fresh: bool, seconds: float, reads: int
) -> None:
    clock, server = Clock(), ApiServer(answer=lambda _: (200, BUNDLE))
    bundles = Bundles(clock)
    async with serving(server) as client:
        first = Referenced(client=client, namespace="helpdesk", bundles=bundles, seen=unseen, fresh=True)
        assert await first.ca(BY_CONFIG_MAP) == "PEM"
        clock.now = seconds
        second = Referenced(client=client, namespace="helpdesk", bundles=bundles, seen=unseen, fresh=fresh)
        assert await second.ca(BY_CONFIG_MAP) == "PEM"
    assert len(server.asked) == reads


async def test_a_secret_is_read_in_every_run() -> None:
    bundles, server = Bundles(), ApiServer(answer=lambda _: (200, SECRET))
    async with serving(server) as client:
        for _ in range(2):
            run = Referenced(client=client, namespace="helpdesk", bundles=bundles, seen=unseen, fresh=False)
            await run.password(SecretKey(name="ca"))
            await run.ca(BY_SECRET)
    assert len(server.asked) == 2


@pytest.mark.parametrize(("fresh", "query"), [(False, {"resourceVersion": "7"}), (True, {})])
async def test_a_probe_takes_a_secret_as_the_watch_has_shown_it_or_newer(*, fresh: bool, query: dict[str, str]) -> None:
    versions = {Key(SECRET_KIND.name, "helpdesk", "ca"): "7"}
    server = ApiServer(answer=lambda _: (200, SECRET))
    async with serving(server) as client:
        run = Referenced(client=client, namespace="helpdesk", bundles=Bundles(), seen=versions.get, fresh=fresh)
        await run.password(SecretKey(name="ca"))
    assert server.asked[0].query == query


def test_no_more_than_so_many_bundles_are_kept() -> None:
    clock = Clock()
    bundles = Bundles(clock)
    for number in range(MOST_KEPT + 1):
        bundles.put("helpdesk", f"ca-{number}", BUNDLE)
    assert bundles.get("helpdesk", "ca-0") == BUNDLE
    assert bundles.get("helpdesk", f"ca-{MOST_KEPT}") is None
    clock.now = KEPT_SECONDS
    bundles.put("helpdesk", "another", BUNDLE)
    assert bundles.get("helpdesk", "another") == BUNDLE
