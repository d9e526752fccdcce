"""Draws the points of ``bench growth`` as an SVG that a document can show."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from streams import svg

_WIDTH, _HEIGHT = 680, 360
_LEFT, _RIGHT, _TOP, _BOTTOM = 60, 620, 30, 310
_COLOURS = ("#1f77b4", "#ff7f0e", "#2ca02c", "#d62728")


def growth_svg(points: Sequence[Mapping[str, Any]]) -> str:
    """Return a line for each number of scorers: cost of a signal against the bare loop's, by number of enterprises.

    Parameters
    ----------
    points
        The ``points`` of ``forewarn bench growth --json``.
    """
    sizes = sorted({point["enterprises"] for point in points})
    top: float = max(1.0, math.ceil(max(point["ratio"] for point in points) * 1.1))
    low, span = math.log10(sizes[0]), max(1e-9, math.log10(sizes[-1]) - math.log10(sizes[0]))

    def x(size: float) -> float:
        return round(_LEFT + (math.log10(size) - low) / span * (_RIGHT - _LEFT), 1)

    def y(ratio: float) -> float:
        return round(_BOTTOM - ratio / top * (_BOTTOM - _TOP), 1)

    parts = [
        *svg.opened(_WIDTH, _HEIGHT),
        svg.text(_LEFT, 18, "CPU time per signal ÷ the bare loop's"),
        svg.text((_LEFT + _RIGHT) // 2, _HEIGHT - 12, "enterprises", "middle"),
    ]
    for step in range(5):
        ratio = top * step / 4
        parts += svg.rule(_LEFT, _RIGHT, y(ratio), f"{ratio:g}")
    parts += [svg.text(x(size), _BOTTOM + 18, f"{size:,}", "middle") for size in sizes]
    for number, scorers in enumerate(sorted({point["scorers"] for point in points})):
        line = sorted((point["enterprises"], point["ratio"]) for point in points if point["scorers"] == scorers)
        colour = _COLOURS[number % len(_COLOURS)]
        places = " ".join(f"{x(size)},{y(ratio)}" for size, ratio in line)
        parts.append(f'<polyline points="{places}" fill="none" stroke="{colour}" stroke-width="2"/>')
        parts += [f'<circle cx="{x(size)}" cy="{y(ratio)}" r="3" fill="{colour}"/>' for size, ratio in line]
        label = f"{scorers} scorer{'s' if scorers > 1 else ''}"
        parts.append(svg.text(_RIGHT - 70 * number, 18, label, "end", colour))
    return svg.closed(parts)
