"""Which news items are one story: 64-bit fingerprints of character bigrams (simhash)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from hashlib import blake2b
from typing import Final

import numpy as np

from detectors.sentiment.writing import normalise

BITS: Final = 64
#: A detector asks for an item's fingerprint twice, once to judge it and once to learn it.
_KEPT: Final = 64
_NOISE: Final = re.compile(r"[\W_]+")


@lru_cache(maxsize=_KEPT)
def fingerprint(text: str) -> int:
    """Return the fingerprint of a text: near texts have near ones.

    Examples
    --------
    >>> one = fingerprint("某纺织厂拖欠员工工资三个月引发讨薪")
    >>> two = fingerprint("【快讯】某纺织厂拖欠员工工资三个月引发讨薪")
    >>> distance(one, two) < 14 < distance(one, fingerprint("新能源板块今日集体上涨,机构看好后市"))
    True
    """
    clean = _NOISE.sub("", normalise(text)).lower()
    grams = {clean[i : i + 2] for i in range(max(len(clean) - 1, 1))}
    hashes = b"".join(blake2b(gram.encode("utf-8", "replace"), digest_size=BITS // 8).digest() for gram in grams)
    bits = np.unpackbits(np.frombuffer(hashes, dtype=np.uint8).reshape(len(grams), -1), axis=1, bitorder="little")
    majority = 2 * bits.sum(axis=0, dtype=np.int64) > len(grams)
    return int.from_bytes(np.packbits(majority, bitorder="little").tobytes(), "little")


def distance(one: int, two: int) -> int:
    """Return in how many bits two fingerprints differ."""
    return (one ^ two).bit_count()


def nearest(prints: Sequence[int], found: int, within: int) -> int | None:
    """Return the index of the nearest fingerprint at most ``within`` bits away, or None."""
    best = min(range(len(prints)), key=lambda i: distance(prints[i], found), default=None)
    return best if best is not None and distance(prints[best], found) <= within else None
