"""Where webhooks must not go: a subscriber chooses the URL, so it must not reach into our own network.

Pure checks. The sender resolves the host, asks here, and connects to the very address that was checked: a name that
resolves differently the second time gains nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum
from ipaddress import (
    IPv4Address,
    IPv4Network,
    IPv6Address,
    IPv6Network,
    ip_address,
)
from urllib.parse import urlsplit

Address = IPv4Address | IPv6Address

#: Of cloud providers, on addresses that are neither private nor link-local by the registries.
_METADATA = frozenset({IPv4Address("168.63.129.16"), IPv4Address("100.100.100.200"), IPv6Address("fd00:ec2::254")})
#: Networks whose addresses carry an IPv4 address, with the place of its lowest bit.
_CARRIERS = (
    (IPv6Network("::ffff:0:0/96"), 0),  # mapped
    (IPv6Network("::ffff:0:0:0/96"), 0),  # translated (SIIT)
    (IPv6Network("64:ff9b::/96"), 0),  # NAT64
    (IPv6Network("::/96"), 0),  # compatible, deprecated; :: and ::1 are caught before
    (IPv6Network("2002::/16"), 80),  # 6to4
)
_TEREDO = IPv6Network("2001::/32")
#: Not of the public Internet either. Python's own tables differ here from one patch release to the next.
_CLOSED_V4 = (
    IPv4Network("100.64.0.0/10"),  # behind a carrier's NAT
    IPv4Network("192.0.0.0/24"),  # protocol assignments; 192.0.0.192 is a cloud's metadata
    IPv4Network("192.88.99.0/24"),  # 6to4 relays, withdrawn
)
_CLOSED_V6 = (
    IPv6Network("64:ff9b:1::/48"),  # local NAT64: only its operator knows where the IPv4 address stands in it
    IPv6Network("3fff::/20"),  # documentation
    IPv6Network("5f00::/16"),  # segment routing
)
_LABEL = re.compile(r"[a-z0-9_][a-z0-9_-]{0,62}")
_MOST_CHARACTERS = 2048


class Refusal(StrEnum):
    """Why a URL cannot be subscribed."""

    NOT_A_URL = "not-a-url"
    SCHEME = "scheme"
    CREDENTIALS = "credentials"
    FORBIDDEN_ADDRESS = "forbidden-address"


_ADVICE = {
    Refusal.NOT_A_URL: "the webhook URL cannot be read: https://host[:port]/path is expected, 2,048 characters at most",
    Refusal.SCHEME: "a webhook URL begins with https:// (http:// too where FOREWARN_WEBHOOK_ALLOW_PRIVATE is set)",
    Refusal.CREDENTIALS: "no user or password in a webhook URL: verify the signature instead",
    Refusal.FORBIDDEN_ADDRESS: "webhooks go to public addresses only, unless FOREWARN_WEBHOOK_ALLOW_PRIVATE is set",
}


class RefusedUrlError(ValueError):
    """A URL that cannot be subscribed, and what to change. The message never repeats it: it may hold credentials."""

    def __init__(self, reason: Refusal) -> None:
        super().__init__(_ADVICE[reason])
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Target:
    """A URL taken apart. ``host`` is in ASCII; ``path`` includes the query."""

    scheme: str
    host: str
    port: int
    path: str = field(repr=False)

    @property
    def default_port(self) -> bool:
        """Whether the port is the scheme's own, which a Host header leaves out."""
        return self.port == (443 if self.scheme == "https" else 80)


def check_url(url: str, *, allow_private: bool = False) -> Target:
    """Return a webhook's URL taken apart, if it may be used; names are not resolved here.

    Parameters
    ----------
    allow_private
        Whether plain http and private addresses will do: for demos, tests and closed networks.

    Raises
    ------
    RefusedUrlError
        If it may not.

    Examples
    --------
    >>> check_url("https://hooks.example.com/forewarn")
    Target(scheme='https', host='hooks.example.com', port=443)
    """
    if len(url) > _MOST_CHARACTERS or not url.isprintable() or " " in url or "\\" in url:
        raise RefusedUrlError(Refusal.NOT_A_URL)
    try:
        parts = urlsplit(url)
        port = parts.port
        host = _ascii_host(parts.hostname or "")
    except ValueError:
        raise RefusedUrlError(Refusal.NOT_A_URL) from None
    if parts.scheme != "https" and not (allow_private and parts.scheme == "http"):
        raise RefusedUrlError(Refusal.SCHEME)
    if parts.username is not None or parts.password is not None:
        raise RefusedUrlError(Refusal.CREDENTIALS)
    literal = _literal(host)
    if literal is not None and not allow_private and forbidden(literal):
        raise RefusedUrlError(Refusal.FORBIDDEN_ADDRESS)
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return Target(parts.scheme, host, port or (443 if parts.scheme == "https" else 80), path)


def _ascii_host(host: str) -> str:
    if _literal(host) is not None:
        return host
    ascii_host = (host if host.isascii() else host.encode("idna").decode("ascii")).lower()
    labels = ascii_host.removesuffix(".").split(".")
    # 127.1, 0x7f.1 and 2130706433 are addresses to a resolver: only dotted quads are taken for addresses.
    numeric = labels[-1].isdigit() or labels[-1].startswith("0x")
    if numeric or len(ascii_host) > 253 or not all(_LABEL.fullmatch(label) for label in labels):
        raise ValueError
    return ascii_host


def _literal(host: str) -> Address | None:
    try:
        return None if "%" in host else ip_address(host)  # a zone (fe80::1%eth0) makes sense on this machine alone
    except ValueError:
        return None


def permitted(addresses: Iterable[str], *, allow_private: bool) -> str | None:
    """Return the first of the addresses that a name resolved to which may be connected to; None if there is none."""
    for text in addresses:
        address = _literal(text)
        if address is not None and (allow_private or forbidden(address) is None):
            return text
    return None


def forbidden(address: Address) -> str | None:
    """Return why an address is not one of the public Internet; None if it is.

    An IPv6 address that stands for an IPv4 address is judged as that one.

    Examples
    --------
    >>> [forbidden(ip_address(a)) for a in ("93.184.215.14", "10.1.2.3", "169.254.169.254", "::ffff:127.0.0.1")]
    [None, 'private', 'link-local', 'loopback']
    """
    if address in _METADATA:
        return "metadata"
    for name, applies in (
        ("unspecified", address.is_unspecified),
        ("loopback", address.is_loopback),
        ("link-local", address.is_link_local),
        ("multicast", address.is_multicast),
    ):
        if applies:
            return name
    if isinstance(address, IPv4Address):
        if any(address in network for network in _CLOSED_V4):
            return "private"
        return "reserved" if address.is_reserved else None if address.is_global else "private"
    return _forbidden_v6(address)


def _forbidden_v6(address: IPv6Address) -> str | None:
    if address in _TEREDO:
        return "tunnelled"
    for network, shift in _CARRIERS:
        if address in network:
            return forbidden(IPv4Address((int(address) >> shift) & 0xFFFF_FFFF))
    if address.is_site_local or not address.is_global or any(address in network for network in _CLOSED_V6):
        return "private"
    return "reserved" if address.is_reserved else None
