import pytest

from mailbox_operator.controller.errors import ApiError
from mailbox_operator.controller.kinds import CONFIG_MAP, DEPLOYMENT, MAILBOX, NODE
from unit.controller.api_server import ApiServer, Asked, serving

SAID = {"kind": "Status", "message": "said"}


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        (MAILBOX.path("ns", "a"), "/apis/mailbox-operator.io/v1alpha1/namespaces/ns/mailboxes/a"),
        (CONFIG_MAP.path("ns"), "/api/v1/namespaces/ns/configmaps"),
        (CONFIG_MAP.path(), "/api/v1/configmaps"),
        (NODE.path("ignored", "n"), "/api/v1/nodes/n"),
    ],
)
def test_paths_are_those_of_the_api_server(path: str, expected: str) -> None:
    assert path == expected


async def test_a_list_is_read_page_by_page() -> None:
    def answer(asked: Asked) -> tuple[int, object]:
        if "continue" in asked.query:
            return 200, {"metadata": {}, "items": [{"metadata": {"name": "b"}}]}
        return 200, {"metadata": {"continue": "more"}, "items": [{"metadata": {"name": "a"}}]}

    server = ApiServer(answer=answer)
    async with serving(server) as client:
        found = await client.list(DEPLOYMENT, namespace="ns", selector="a=b", fields="c!=d")
    assert [one["metadata"]["name"] for one in found] == ["a", "b"]
    assert server.asked[0].query == {"limit": "500", "labelSelector": "a=b", "fieldSelector": "c!=d"}
    assert server.asked[1].query["continue"] == "more"


async def test_what_is_applied_is_forced_under_our_name() -> None:
    server = ApiServer(answer=lambda asked: (200, asked.body))
    async with serving(server) as client:
        await client.apply(CONFIG_MAP, {"metadata": {"namespace": "ns", "name": "a"}, "data": {"k": "ü"}})
        metadata = await client.apply_status(MAILBOX, namespace="ns", name="a", status={"observedGeneration": 1})
    applied, status = server.asked
    assert (applied.method, applied.content_type) == ("PATCH", "application/apply-patch+yaml")
    assert applied.query == {"fieldManager": "mailbox-operator", "force": "true"}
    assert applied.body["data"] == {"k": "ü"}
    assert status.path.endswith("/mailboxes/a/status")
    assert status.body["status"] == {"observedGeneration": 1}
    assert metadata == {"namespace": "ns", "name": "a"}


@pytest.mark.parametrize(
    ("status", "message", "gone", "forbidden", "refused"),
    [
        (404, "not found", True, False, False),
        (403, "secrets is forbidden: User cannot get", False, True, True),
        (403, 'admission webhook "owners" denied the request: no owner', False, False, True),
        (422, "ValidatingAdmissionPolicy 'owners' denied request: no owner", False, False, True),
        (500, 'Internal error occurred: failed calling webhook "owners"', False, False, True),
        (403, "unable to create new content in namespace x because it is being terminated", True, False, False),
        (409, "the object has been modified", False, False, False),
        (500, "etcdserver: request timed out", False, False, False),
    ],
)
async def test_a_refusal_says_what_it_means(
    status: int, message: str, *, gone: bool, forbidden: bool, refused: bool
) -> None:
    server = ApiServer(answer=lambda _: (status, SAID | {"message": message}))
    async with serving(server) as client:
        with pytest.raises(ApiError) as caught:
            await client.get(MAILBOX, namespace="ns", name="a")
    found = caught.value
    assert (found.status, found.gone, found.forbidden, found.refused) == (status, gone, forbidden, refused)
    assert (caught.value.verb, caught.value.resource) == ("get", "mailboxes")
    assert message in str(caught.value)


async def test_a_named_delay_is_told() -> None:
    server = ApiServer(answer=lambda _: (429, SAID), headers={"Retry-After": "7"})
    async with serving(server) as client:
        with pytest.raises(ApiError) as caught:
            await client.get(MAILBOX, namespace="ns", name="a")
    assert caught.value.retry_after == 7


async def test_what_is_gone_needs_no_deletion() -> None:
    server = ApiServer(answer=lambda _: (404, SAID))
    async with serving(server) as client:
        await client.delete(DEPLOYMENT, namespace="ns", name="a")
    assert server.asked[0].method == "DELETE"


async def test_a_server_that_is_away_is_status_0() -> None:
    server = ApiServer(answer=lambda _: (200, {}))
    async with serving(server) as client:
        client.server = "http://127.0.0.1:1"
        with pytest.raises(ApiError) as caught:
            await client.get(MAILBOX, namespace="ns", name="a")
    assert caught.value.status == 0
    assert not caught.value.gone
