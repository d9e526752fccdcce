"""Compressed bodies, both ways."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Mapping
from typing import Any, Protocol

import lz4.frame  # type: ignore[import-untyped]
import zstandard

from connectors.embedded.clickhouse.errors import (
    CANNOT_READ_ALL_DATA,
    TOO_MANY_BYTES,
    UNKNOWN_COMPRESSION,
    DatabaseError,
)

_PIECE = 4096
_ZSTD_WINDOW = 1 << 27

_DECODERS: Mapping[str, Callable[[], Any]] = {
    "lz4": lz4.frame.LZ4FrameDecompressor,
    "zstd": lambda: zstandard.ZstdDecompressor(max_window_size=_ZSTD_WINDOW).decompressobj(),
    "gzip": lambda: zlib.decompressobj(wbits=31),
    "deflate": zlib.decompressobj,
}


class Encoder(Protocol):
    """Compresses a stream."""

    def begin(self) -> bytes:
        """Return what stands before the first piece."""
        ...

    def compress(self, piece: bytes) -> bytes:
        """Return the next compressed bytes; may be empty."""
        ...

    def flush(self) -> bytes:
        """Return the last bytes."""
        ...


def decompress(body: bytes, encoding: str, limit: int) -> bytes:
    """Return the content of a compressed body, of *all* its frames.

    Clients send one frame per block. A decoder that stops after the first loses rows without a word.

    Parameters
    ----------
    body
        One or more frames, one after the other.
    encoding
        ``Content-Encoding``: lz4, zstd, gzip, deflate, identity.
    limit
        Most bytes of content.

    Raises
    ------
    DatabaseError
        If the encoding is unknown, the body is cut short or damaged, or the content is larger than the limit.

    Examples
    --------
    >>> import gzip
    >>> decompress(gzip.compress(b"one ") + gzip.compress(b"two"), "gzip", 100)
    b'one two'
    """
    if encoding in ("", "identity"):
        return body
    if encoding not in _DECODERS:
        raise DatabaseError(UNKNOWN_COMPRESSION, f"Unknown content encoding {encoding!r}. (UNKNOWN_COMPRESSION_METHOD)")
    content = bytearray()
    decoder = None
    for start in range(0, len(body), _PIECE):  # small pieces: a bomb is noticed before it fills the memory
        piece = body[start : start + _PIECE]
        while piece:
            decoder = _DECODERS[encoding]() if decoder is None else decoder
            content += _decoded(decoder, piece)
            if len(content) > limit:
                raise DatabaseError(TOO_MANY_BYTES, f"The content is larger than {limit} bytes. (TOO_MANY_BYTES)")
            piece = (decoder.unused_data or b"") if decoder.eof else b""
            decoder = None if decoder.eof else decoder
    if decoder is not None:
        raise DatabaseError(CANNOT_READ_ALL_DATA, "The compressed body is cut short. (CANNOT_READ_ALL_DATA)")
    return bytes(content)


def _decoded(decoder: Any, piece: bytes) -> bytes:
    try:
        decoded: bytes = decoder.decompress(piece)
    except (zlib.error, zstandard.ZstdError, RuntimeError, EOFError) as error:
        raise DatabaseError(CANNOT_READ_ALL_DATA, f"The compressed body is damaged: {error}.") from error
    return decoded


class _Lz4:
    def __init__(self) -> None:
        self._frame = lz4.frame.LZ4FrameCompressor()

    def begin(self) -> bytes:
        return bytes(self._frame.begin())

    def compress(self, piece: bytes) -> bytes:
        return bytes(self._frame.compress(piece))

    def flush(self) -> bytes:
        return bytes(self._frame.flush())


class _Plain:
    def begin(self) -> bytes:
        return b""

    def compress(self, piece: bytes) -> bytes:
        return piece

    def flush(self) -> bytes:
        return b""


class _Object:
    """A compressor of zlib or zstandard."""

    def __init__(self, compressor: Any) -> None:
        self._compressor = compressor

    def begin(self) -> bytes:
        return b""

    def compress(self, piece: bytes) -> bytes:
        return bytes(self._compressor.compress(piece))

    def flush(self) -> bytes:
        return bytes(self._compressor.flush())


#: By preference.
_ENCODERS: Mapping[str, Callable[[], Encoder]] = {
    "lz4": _Lz4,
    "zstd": lambda: _Object(zstandard.ZstdCompressor(level=1).compressobj()),
    "gzip": lambda: _Object(zlib.compressobj(1, wbits=31)),
    "deflate": lambda: _Object(zlib.compressobj(1)),
}


def encoder_for(accepted: str) -> tuple[str, Encoder]:
    """Return the name and a compressor of the best encoding that a client accepts; the name is empty for none.

    Examples
    --------
    >>> encoder_for("gzip, zstd;q=0.5")[0]
    'zstd'
    """
    names = {name.split(";")[0].strip().lower() for name in accepted.split(",")}
    for name, make in _ENCODERS.items():
        if name in names:
            return name, make()
    return "", _Plain()
