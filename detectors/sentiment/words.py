"""Patterns made of lists of words."""

from __future__ import annotations

import re
from collections.abc import Iterable


def either(words: str) -> str:
    """Return a pattern of any of some words, which blanks part; a word may be a pattern itself.

    Examples
    --------
    >>> either("停产 停业(?!务)")
    '(?:停产|停业(?!务))'
    """
    return f"(?:{'|'.join(words.split())})"


def trie(words: Iterable[str]) -> str:
    """Return a pattern of the longest of some words that tries each beginning once.

    Examples
    --------
    >>> trie(["违约", "违约金", "违法"])
    '违(?:法|约金?)'
    """
    heads: dict[str, list[str]] = {}
    for word in sorted(set(words)):
        heads.setdefault(word[:1], []).append(word[1:])
    may_end = heads.pop("", None) is not None
    branches = [re.escape(head) + trie(tails) for head, tails in heads.items()]
    if not branches:
        return ""
    alone = len(branches) == 1 and (not may_end or len(branches[0]) == 1)
    return (branches[0] if alone else f"(?:{'|'.join(branches)})") + ("?" if may_end else "")
