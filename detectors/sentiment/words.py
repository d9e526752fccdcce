"""Patterns made of words, so that they can be read and corrected as tables of words.

A :class:`Pattern` is put together from pieces: blank-parted words (any of them), a number (up to so many characters of
the same clause), or another pattern. Nothing in a word is a regular expression; ``_`` stands for a
blank.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

#: So many branches of a pattern are tried one after the other.
_FEW: Final = 6
#: They end a clause; so does a colon where parties are told apart.
CLAUSE_END: Final = "，。；！？,;!?\n"
#: A character between two pieces. 暨 joins two statements: what is said before it does not reach over it.
_BETWEEN: Final = rf"[^{CLAUSE_END}:暨]"


#: Stands for each character of the enterprise's own name in a text whose facts are looked for.
MASK: Final = "\x01"


@dataclass(frozen=True, slots=True)
class Pattern:
    """A regular expression made of words.

    Parameters
    ----------
    source
        The expression.
    cues
        One of these words stands in whatever it matches; none: nothing is known of what it matches.
    tells
        Whether the cues of a phrase of which this is a piece are this one's.
    """

    source: str
    cues: frozenset[str] = frozenset()
    tells: bool = False

    def compile(self) -> re.Pattern[str]:
        """Return the pattern to search with; case does not matter."""
        return re.compile(self.source, re.IGNORECASE)

    def hint(self) -> re.Pattern[str]:
        """Return a quick pattern without which, in a text of small letters, the other finds nothing.

        Raises
        ------
        ValueError
            The pattern has no cues.
        """
        if not self.cues:
            message = "a pattern without cues has no hint"
            raise ValueError(message)
        return re.compile(trie(map(str.lower, self.cues)))


#: Words, how many characters may lie between, or a pattern.
Piece = str | int | Pattern


def any_of(*alternatives: str | Pattern) -> Pattern:
    """Return a pattern of any of some patterns and blank-parted words, the first that fits.

    Examples
    --------
    >>> any_of("停产 停业", then("关", "门")).source
    '(?:停产|停业|关门)'
    """
    sources: list[str] = []
    cues: set[str] = set()
    known = True
    for one in alternatives:
        if isinstance(one, Pattern):
            sources.append(one.source)
            cues |= one.cues
            known = known and bool(one.cues)
        else:
            words = [word.replace("_", " ") for word in one.split()]
            sources += map(re.escape, words)
            cues.update(words)
    return Pattern(sources[0] if len(sources) == 1 else f"(?:{'|'.join(sources)})", frozenset(cues if known else ()))


def then(*pieces: Piece) -> Pattern:
    """Return a pattern of pieces that follow one another.

    Its cues are those of the piece that tells most: whose shortest word is longest, and then of the fewest words.

    Examples
    --------
    >>> found = then("老板 法人", 4, "失踪")
    >>> found.compile().findall("老板疑似失踪,法人不在,失踪"), sorted(found.cues)
    (['老板疑似失踪'], ['失踪'])
    """
    parts = [_pattern(piece) for piece in pieces]
    known = [part.cues for part in parts if part.tells] or [part.cues for part in parts if part.cues]
    cues = min(known, key=lambda cues: (-min(map(len, cues)), len(cues), sorted(cues)), default=frozenset())
    return Pattern("".join(part.source for part in parts), cues)


def telling(*alternatives: str | Pattern) -> Pattern:
    """Return a pattern of any of some, by the rarity of which a phrase is found."""
    found = any_of(*alternatives)
    return Pattern(found.source, found.cues, tells=True)


def maybe(*pieces: Piece) -> Pattern:
    """Return a pattern of pieces that may be left out."""
    return Pattern(f"(?:{then(*pieces).source})?")


def unless_next(*alternatives: str | Pattern) -> Pattern:
    """Return a pattern that fits where none of these follow."""
    return Pattern(f"(?!{any_of(*alternatives).source})")


def unless_last(words: str) -> Pattern:
    """Return a pattern that fits where none of some words stand before."""
    return Pattern("".join(f"(?<!{re.escape(word)})" for word in words.split()))


def if_next(*pieces: Piece) -> Pattern:
    """Return a pattern that fits where these follow."""
    return Pattern(f"(?={then(*pieces).source})")


def without(words: str, most: int) -> Pattern:
    """Return a pattern of up to so many characters of the clause in which none of some words begins.

    The enterprise's own name, masked, counts as one character.
    """
    return Pattern(f"(?:{MASK}++|(?!{any_of(words).source}|{MASK}){_BETWEEN}){{0,{most}}}?")


def times(piece: str | Pattern, least: int, most: int) -> Pattern:
    """Return a pattern of ``least`` to ``most`` of one after the other, as many as there are."""
    return Pattern(f"{any_of(piece).source}{{{least},{most}}}")


def if_last(words: str) -> Pattern:
    """Return a pattern that fits where one of some words of equal length stands before."""
    return Pattern(f"(?<={any_of(words).source})")


def captured(*pieces: Piece) -> Pattern:
    """Return a pattern of pieces that a match remembers as its next group."""
    found = then(*pieces)
    return Pattern(f"({found.source})", found.cues)


#: Where the text that is searched begins, or ends.
BEGIN: Final = Pattern("^")
END: Final = Pattern("$")
#: A clause ends here.
ENDS: Final = Pattern(f"(?=[{CLAUSE_END}]|$)")
DIGIT: Final = Pattern("[0-9]")
#: A Chinese character.
HAN: Final = Pattern("[\u4e00-\u9fff]")
#: The enterprise's own name, masked.
SELF: Final = Pattern(f"{MASK}+")


def _pattern(piece: Piece) -> Pattern:
    if isinstance(piece, Pattern):
        return piece
    return Pattern(f"{_BETWEEN}{{0,{piece}}}?") if isinstance(piece, int) else any_of(piece)


def either(words: str) -> str:
    """Return the source of a pattern of any of some blank-parted words.

    Examples
    --------
    >>> either("停产 停业")
    '(?:停产|停业)'
    """
    return any_of(words).source


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
    branches = {head: re.escape(head) + trie(tails) for head, tails in heads.items()}
    if not branches:
        return ""
    (first, *others) = branches.values()
    alone = not others and (not may_end or len(first) == 1)
    return (first if alone else f"(?:{_alternatives(branches)})") + ("?" if may_end else "")


def _alternatives(branches: Mapping[str, str]) -> str:
    """Return branches by their first characters; many are told apart by sets first, a few tests instead of hundreds."""
    if len(branches) <= _FEW:
        return "|".join(branches.values())
    every = list(branches.items())
    size = -(-len(every) // _FEW)
    parts = [dict(every[at : at + size]) for at in range(0, len(every), size)]
    return _begins(branches) + f"(?:{'|'.join(_begins(part) + f'(?:{_alternatives(part)})' for part in parts)})"


def _begins(branches: Mapping[str, str]) -> str:
    return f"(?=[{''.join(map(re.escape, branches))}])"
