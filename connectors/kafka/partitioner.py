"""Which partition an enterprise belongs to: murmur2 of its id, as Java's clients and kafka-python decide by default.

librdkafka's default differs: its users must set ``partitioner=murmur2_random``.
"""

from __future__ import annotations

import struct

_SEED = 0x9747B28C
_M = 0x5BD1E995
_MASK = 0xFFFFFFFF


def murmur2(key: bytes) -> int:
    """Return Kafka's 32-bit MurmurHash2 of a key, unsigned.

    Examples
    --------
    >>> murmur2(b"21") == -973932308 & 0xFFFFFFFF
    True
    """
    length = len(key)
    words = length >> 2
    value = _SEED ^ length
    for word in struct.unpack_from(f"<{words}I", key):
        mixed = word * _M & _MASK
        mixed ^= mixed >> 24
        value = (value * _M & _MASK) ^ (mixed * _M & _MASK)
    tail = key[words << 2 :]
    if tail:
        value = (value ^ int.from_bytes(tail, "little")) * _M & _MASK
    value ^= value >> 13
    value = value * _M & _MASK
    return value ^ value >> 15


def partition_of(enterprise_id: str, partitions: int) -> int:
    """Return the partition of an enterprise.

    Parameters
    ----------
    enterprise_id
        The key of its records, before UTF-8.
    partitions
        How many partitions the topic has.

    Examples
    --------
    >>> partition_of("91310000MA1FL0AAA1", 16) == partition_of("91310000MA1FL0AAA1", 16)
    True
    """
    return (murmur2(enterprise_id.encode()) & 0x7FFFFFFF) % partitions
