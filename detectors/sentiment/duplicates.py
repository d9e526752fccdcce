"""Which news items are one story: 64-bit fingerprints of character bigrams (simhash)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from hashlib import blake2b
from typing import Final

from detectors.sentiment.lexicon import normalise

BITS: Final = 64
_NOISE: Final = re.compile(r"[\W_]+")


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
    counts = [0] * BITS
    for gram in grams:
        bits = int.from_bytes(blake2b(gram.encode("utf-8", "replace"), digest_size=8).digest(), "little")
        for i in range(BITS):
            counts[i] += 1 if bits >> i & 1 else -1
    return sum(1 << i for i, count in enumerate(counts) if count > 0)


def distance(one: int, two: int) -> int:
    """Return in how many bits two fingerprints differ."""
    return (one ^ two).bit_count()


def nearest(prints: Sequence[int], found: int, within: int) -> int | None:
    """Return the index of the nearest fingerprint at most ``within`` bits away, or None."""
    best = min(range(len(prints)), key=lambda i: distance(prints[i], found), default=None)
    return best if best is not None and distance(prints[best], found) <= within else None
