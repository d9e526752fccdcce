"""TLS of our clients: whom they trust, and how they show who they are."""

from __future__ import annotations

import ssl
from pathlib import Path


def client_context(ca: Path | None, cert: Path | None, key: Path | None, server: str) -> ssl.SSLContext:
    """Return the TLS of a client: certificates are checked, and that they are of the host that was asked for.

    Parameters
    ----------
    ca
        File of the certificates to trust, PEM; None for those that the system trusts.
    cert, key
        Our own certificate and its key, PEM; None if we have none. The key may stand in the certificate's file.
    server
        ``KAFKA`` or ``CLICKHOUSE``, which stands in the names of the settings, for the messages.

    Raises
    ------
    ValueError
        If a file cannot be used; the message names the setting, never what is in the file.
    """
    try:
        context = ssl.create_default_context(ssl.Purpose.SERVER_AUTH, cafile=ca)  # given a file, trusts it alone
    except OSError as error:  # SSLError is one
        message = f"FOREWARN_{server}_CA: {ca} is no file of certificates in PEM form ({_reason(error)})"
        raise ValueError(message) from None
    if key is not None and cert is None:
        message = (
            f"FOREWARN_{server}_CLIENT_KEY is of no use without FOREWARN_{server}_CLIENT_CERT: set both, or neither"
        )
        raise ValueError(message)
    if cert is not None:
        try:
            context.load_cert_chain(cert, key, password=_refuse_to_ask)
        except (OSError, ValueError) as error:
            files = " and ".join(str(path) for path in (cert, key) if path)
            message = (
                f"FOREWARN_{server}_CLIENT_CERT, FOREWARN_{server}_CLIENT_KEY: {files} hold no certificate with its "
                f"key, PEM without a password ({_reason(error)})"
            )
            raise ValueError(message) from None
    return context


def _refuse_to_ask() -> str:
    """Stand in for OpenSSL's question on the terminal: a process in the background would wait for ever."""
    message = "the key is protected by a password"
    raise ValueError(message)


def _reason(error: Exception) -> str:
    if isinstance(error, ssl.SSLError):
        return error.reason or "not PEM"
    return getattr(error, "strerror", None) or str(error)
