"""The few parts that our pictures share: SVGs that a document can show."""

from __future__ import annotations

from collections.abc import Sequence
from xml.sax.saxutils import escape


def opened(width: int, height: int) -> list[str]:
    """Return the beginning of a picture on white."""
    return [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" font-family="sans-serif" '
        'font-size="12">',
        f'<rect width="{width}" height="{height}" fill="white"/>',
    ]


def text(x: float, y: float, content: str, anchor: str = "start", colour: str = "#333") -> str:
    """Return words at a place.

    Examples
    --------
    >>> text(5, 7.5, "a < b")
    '<text x="5" y="7.5" text-anchor="start" fill="#333">a &lt; b</text>'
    """
    return f'<text x="{x}" y="{y}" text-anchor="{anchor}" fill="{colour}">{escape(content)}</text>'


def rule(left: float, right: float, y: float, label: str) -> list[str]:
    """Return a line of the scale with its label on the left."""
    return [f'<path d="M{left} {y}H{right}" stroke="#ddd"/>', text(left - 8, y + 4, label, "end")]


def closed(parts: Sequence[str]) -> str:
    """Return the whole picture."""
    return "\n".join([*parts, "</svg>", ""])
