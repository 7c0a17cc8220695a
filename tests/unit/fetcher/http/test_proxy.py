"""Which proxy a request takes."""

import pytest

from mailbox_operator.fetcher.http.proxy import ProxyError, find_proxy

PROXY = "http://proxy.example:3128"


@pytest.mark.parametrize(
    ("scheme", "host", "environment", "proxy"),
    [
        ("https", "hook.example", {}, None),
        ("https", "hook.example", {"HTTPS_PROXY": PROXY}, PROXY),
        ("https", "hook.example", {"https_proxy": "proxy.example:3128"}, PROXY),
        ("https", "hook.example", {"HTTP_PROXY": PROXY}, None),
        ("http", "hook.example", {"ALL_PROXY": PROXY}, PROXY),
        ("http", "desk.team.svc", {"HTTP_PROXY": PROXY}, None),
        ("http", "localhost", {"HTTP_PROXY": PROXY}, None),
        ("https", "hook.example", {"HTTPS_PROXY": PROXY, "NO_PROXY": "a.test, .example"}, None),
        ("https", "hook.example", {"HTTPS_PROXY": PROXY, "NO_PROXY": "hook.example"}, None),
        ("https", "xhook.example", {"HTTPS_PROXY": PROXY, "NO_PROXY": "hook.example"}, PROXY),
        ("https", "hook.example", {"HTTPS_PROXY": PROXY, "no_proxy": "*"}, None),
        ("https", "10.1.2.3", {"HTTPS_PROXY": PROXY, "NO_PROXY": "10.0.0.0/8"}, None),
        ("https", "[fd00::1]", {"HTTPS_PROXY": PROXY, "NO_PROXY": "fd00::/8"}, None),
        ("https", "11.1.2.3", {"HTTPS_PROXY": PROXY, "NO_PROXY": "10.0.0.0/8,rubbish/x"}, PROXY),
    ],
)
def test_the_usual_variables_decide(scheme: str, host: str, environment: dict[str, str], proxy: str | None) -> None:
    assert find_proxy(scheme, host, environment=environment) == proxy


@pytest.mark.parametrize("proxy", ["socks5://user:secret@proxy:1080", "ftp://proxy"])
def test_what_speaks_no_http_is_named_without_its_password(proxy: str) -> None:
    with pytest.raises(ProxyError, match="write http://HOST:PORT") as caught:
        find_proxy("https", "desk.test", environment={"ALL_PROXY": proxy})
    assert "secret" not in str(caught.value)
