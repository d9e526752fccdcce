"""TLS of our clients: whom they trust, and how they show who they are."""

from __future__ import annotations

import ssl
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Certificates:
    """Whose certificates count, and ours; all files are PEM.

    Parameters
    ----------
    ca
        File of the certificates to trust; None for those that the system trusts.
    cert, key
        Our own certificate and its key; None if we have none. The key may stand in the certificate's file.
    """

    ca: Path | None = None
    cert: Path | None = None
    key: Path | None = None


#: Whom the system trusts is trusted, and we have no certificate of our own.
SYSTEM = Certificates()


def client_context(certificates: Certificates, server: str) -> ssl.SSLContext:
    """Return the TLS of a client: certificates are checked, and that they are of the host that was asked for.

    Parameters
    ----------
    certificates
        Whom to trust, and who we are.
    server
        ``KAFKA`` or ``CLICKHOUSE``, which stands in the names of the settings, for the messages.

    Raises
    ------
    ValueError
        If a file cannot be used; the message names the setting, never what is in the file.
    """
    ca, cert, key = certificates.ca, certificates.cert, certificates.key
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


def distrust(error: ssl.SSLCertVerificationError, certificates: Certificates, server: str) -> str:
    """Return what is wrong with a server's certificate, and which setting to correct; to stand behind "it shows".

    Parameters
    ----------
    error
        Of the handshake.
    certificates
        Whom we trust.
    server
        ``KAFKA`` or ``CLICKHOUSE``.
    """
    told = error.verify_message.rstrip(".")
    if "mismatch" in told.lower():
        address = {"KAFKA": "FOREWARN_KAFKA_BOOTSTRAP", "CLICKHOUSE": "FOREWARN_CLICKHOUSE_URL"}[server]
        return f"a certificate of another host ({told}): correct {address}"
    trusted = f"those in {certificates.ca}" if certificates.ca else "whom this system trusts"
    return f"a certificate that is not vouched for by {trusted} ({told}): correct FOREWARN_{server}_CA"


def _refuse_to_ask() -> str:
    """Stand in for OpenSSL's question on the terminal: a process in the background would wait for ever."""
    message = "the key is protected by a password"
    raise ValueError(message)


def _reason(error: Exception) -> str:
    if isinstance(error, ssl.SSLError):
        return error.reason or "not PEM"
    return getattr(error, "strerror", None) or str(error)
