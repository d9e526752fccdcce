from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address, ip_address

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.webhook.guard import RefusedUrlError, check_url, forbidden, permitted


@pytest.mark.parametrize(
    ("address", "why"),
    [
        ("93.184.215.14", None),
        ("2606:4700::1111", None),
        ("127.0.0.1", "loopback"),
        ("127.255.255.254", "loopback"),
        ("::1", "loopback"),
        ("0.0.0.0", "unspecified"),
        ("::", "unspecified"),
        ("0.1.2.3", "private"),
        ("10.0.0.1", "private"),
        ("172.16.0.1", "private"),
        ("172.32.0.1", None),
        ("192.168.1.1", "private"),
        ("100.64.0.1", "private"),
        ("192.0.2.1", "private"),
        ("192.0.0.192", "private"),
        ("192.88.99.1", "private"),
        ("198.18.0.1", "private"),
        ("fc00::1", "private"),
        ("fec0::1", "private"),
        ("2001:db8::1", "private"),
        ("169.254.169.254", "link-local"),
        ("fe80::1", "link-local"),
        ("224.0.0.1", "multicast"),
        ("ff02::1", "multicast"),
        ("240.0.0.1", "reserved"),
        ("255.255.255.255", "reserved"),
        ("4000::1", "reserved"),
        ("168.63.129.16", "metadata"),
        ("100.100.100.200", "metadata"),
        ("fd00:ec2::254", "metadata"),
        ("::ffff:127.0.0.1", "loopback"),
        ("::ffff:10.0.0.1", "private"),
        ("::ffff:93.184.215.14", None),
        ("::ffff:0:7f00:1", "loopback"),
        ("::7f00:1", "loopback"),
        ("64:ff9b::a9fe:a9fe", "link-local"),
        ("64:ff9b::5db8:d70e", None),
        ("64:ff9b:1::a00:1", "private"),
        ("64:ff9b:1:a00:0:100:808:808", "private"),
        ("3fff::1", "private"),
        ("5f00::1", "private"),
        ("2002:7f00:1::", "loopback"),
        ("2002:a83f:8110::", "metadata"),
        ("2001:0:1::1", "tunnelled"),
    ],
)
def test_addresses(address: str, why: str | None) -> None:
    assert forbidden(ip_address(address)) == why


@given(st.ip_addresses(v=4))
@settings(deadline=None, max_examples=200)
def test_an_address_in_ipv6_clothes_is_judged_as_itself(address: IPv4Address) -> None:
    for clothes in ("::ffff:0:0", "64:ff9b::", "::ffff:0:0:0"):
        assert forbidden(IPv6Address(int(IPv6Address(clothes)) | int(address))) == forbidden(address)
    assert forbidden(IPv6Address((0x2002 << 112) | (int(address) << 80))) == forbidden(address)


@given(st.ip_addresses())
@settings(deadline=None, max_examples=200)
def test_what_the_registries_call_not_global_is_forbidden(address: IPv4Address | IPv6Address) -> None:
    if not address.is_global and not (isinstance(address, IPv6Address) and address.ipv4_mapped):
        assert forbidden(address) is not None


@pytest.mark.parametrize(
    ("url", "private", "reason"),
    [
        ("https://hooks.example.com", False, None),
        ("https://hooks.example.com:8443/a?b=c", False, None),
        ("https://钩子.example.com/a", False, None),
        ("https://93.184.215.14/", False, None),
        ("https://[2606:4700::1111]/", False, None),
        ("http://hooks.example.com/", False, "scheme"),
        ("http://hooks.example.com/", True, None),
        ("http://127.0.0.1:9000/", True, None),
        ("file://localhost/etc/passwd", True, "scheme"),
        ("gopher://x.example.com/", True, "scheme"),
        ("//hooks.example.com/", False, "scheme"),
        ("https://bob:pw@hooks.example.com/", False, "credentials"),
        ("https://token@hooks.example.com/", True, "credentials"),
        ("https://127.0.0.1/", False, "forbidden-address"),
        ("https://[::1]/", False, "forbidden-address"),
        ("https://[::ffff:10.0.0.1]/", False, "forbidden-address"),
        ("https://169.254.169.254/latest/meta-data", False, "forbidden-address"),
        ("https://127.1/", False, "not-a-url"),
        ("https://2130706433/", True, "not-a-url"),
        ("https://0x7f000001/", False, "not-a-url"),
        ("https://127.0.0.0x1/", False, "not-a-url"),
        ("https://[fe80::1%25eth0]/", True, "not-a-url"),
        ("https:///path", False, "not-a-url"),
        ("https://a..b/", False, "not-a-url"),
        ("https://exa mple.com/", False, "not-a-url"),
        ("https://example.com\\@evil.example/", False, "not-a-url"),
        ("https://example.com:99999/", False, "not-a-url"),
        ("https://example.com:x/", False, "not-a-url"),
        ("https://example.com/\r\nhost: evil", False, "not-a-url"),
        ("https://" + "a" * 64 + ".example.com/", False, "not-a-url"),
        ("https://example.com/" + "a" * 2048, False, "not-a-url"),
        ("", False, "not-a-url"),
        ("hooks", False, "not-a-url"),
    ],
)
def test_urls(url: str, private: bool, reason: str | None) -> None:
    if reason is None:
        assert check_url(url, allow_private=private).port > 0
    else:
        with pytest.raises(RefusedUrlError) as caught:
            check_url(url, allow_private=private)
        assert caught.value.reason == reason


@given(st.text(max_size=60) | st.from_regex(r"https?://[ -~]{0,30}", fullmatch=True), st.booleans())
@settings(deadline=None, max_examples=300)
def test_any_text_is_taken_apart_or_refused_without_being_repeated(text: str, private: bool) -> None:
    try:
        target = check_url(text, allow_private=private)
    except RefusedUrlError as error:
        assert len(text) < 13 or text not in str(error)
    else:
        assert target.scheme == "https" or private
        assert target.host.isascii()


def test_the_first_address_that_may_be_connected_to_is_taken() -> None:
    mixed = ["10.0.0.1", "fe80::1%eth0", "2606:4700::1111", "93.184.215.14"]
    assert permitted(mixed, allow_private=False) == "2606:4700::1111"
    assert permitted(mixed, allow_private=True) == "10.0.0.1"
    assert permitted(["127.0.0.1"], allow_private=False) is None
    assert permitted([], allow_private=True) is None
