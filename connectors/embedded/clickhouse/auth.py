"""Who may connect: two users, told apart by password."""

from __future__ import annotations

import base64
import binascii
import hmac
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from connectors.embedded.clickhouse.errors import AUTHENTICATION_FAILED, DatabaseError


@dataclass(frozen=True, slots=True)
class User:
    """One who may connect.

    Parameters
    ----------
    name, password
        What the client sends. The password is never empty.
    read_only
        Whether it may only query.
    """

    name: str
    password: str = field(repr=False)
    read_only: bool = False

    def __post_init__(self) -> None:
        if not self.password:
            message = f"user {self.name} needs a password"
            raise ValueError(message)


def authenticate(users: Sequence[User], headers: Mapping[str, str], query: Mapping[str, str]) -> User:
    """Return the user of a request.

    The time that this takes tells nothing about names and passwords.

    Parameters
    ----------
    users
        Those there are.
    headers, query
        Of the request: ``Authorization: Basic``, else ``X-ClickHouse-User`` and ``-Key``, else the URL's ``user`` and
        ``password``.

    Raises
    ------
    DatabaseError
        If there is no such user with that password.
    """
    name, password = _given(headers, query)
    found = None
    for user in users:
        right_name = hmac.compare_digest(user.name.encode(), _raw(name))
        right_password = hmac.compare_digest(user.password.encode(), _raw(password))
        if right_name & right_password:
            found = user
    if found is None:
        message = "Authentication failed: password is incorrect, or there is no such user. (AUTHENTICATION_FAILED)"
        raise DatabaseError(AUTHENTICATION_FAILED, message)
    return found


def _raw(text: str) -> bytes:
    """Return the bytes of a header, which need not be UTF-8."""
    return text.encode(errors="surrogateescape")


def _given(headers: Mapping[str, str], query: Mapping[str, str]) -> tuple[str, str]:
    scheme, _, encoded = headers.get("Authorization", "").partition(" ")
    if scheme.lower() == "basic":
        try:
            name, _, password = base64.b64decode(encoded, validate=True).decode().partition(":")
        except (binascii.Error, UnicodeDecodeError):
            return "", ""
        return name, password
    name = headers.get("X-ClickHouse-User") or query.get("user") or "default"
    return name, headers.get("X-ClickHouse-Key") or query.get("password") or ""
