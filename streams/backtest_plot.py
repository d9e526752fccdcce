"""Draws a backtest as SVGs that a document can show."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from streams import svg

_WIDTH, _HEIGHT = 640, 320
_LEFT, _RIGHT, _TOP, _BOTTOM = 60, 620, 40, 270
_BEFORE, _AFTER = "#8a8f98", "#1f77b4"
_COLOURS = {"red": "#c62828", "orange": "#ef6c00", "yellow": "#f9a825", "blue": "#1565c0"}


def levels_svg(result: Mapping[str, Any]) -> str:
    """Return the alerts of each level before and after, with how many were gained and lost.

    Parameters
    ----------
    result
        What :func:`streams.backtesting.summary` returns.
    """
    levels: Mapping[str, Mapping[str, int]] = result["levels"]
    top = _top(max(each[side] for each in levels.values()) for side in ("before", "after"))
    step = (_RIGHT - _LEFT) / len(levels)
    parts = _frame(f"{result['against']} → {result['config']}: alerts at a level or above", top)
    for number, (name, each) in enumerate(levels.items()):
        left = _LEFT + step * number + step * 0.15
        for place, side in enumerate(("before", "after")):
            height = (_BOTTOM - _TOP) * each[side] / top
            x, y = left + place * step * 0.36, _BOTTOM - height
            colour = _COLOURS.get(name, _AFTER) if side == "after" else _BEFORE
            parts.append(
                f'<rect x="{x:.1f}" y="{y:.1f}" width="{step * 0.33:.1f}" height="{height:.1f}" fill="{colour}"/>'
            )
            parts.append(_text(x + step * 0.165, y - 4, str(each[side]), "middle"))
        parts.append(_text(left + step * 0.35, _BOTTOM + 18, name, "middle"))
        parts.append(_text(left + step * 0.35, _BOTTOM + 34, f"+{each['gained']} −{each['lost']}", "middle"))
    return svg.closed(parts)


def months_svg(before: Mapping[str, int], after: Mapping[str, int], level: str) -> str:
    """Return by month how many alerts at a level or above began, before (grey) and after."""
    months = sorted({*before, *after})
    top = _top([*before.values(), *after.values(), 1])
    parts = _frame(f"alerts at {level} or above, by month: before (grey), after", top)
    step = (_RIGHT - _LEFT) / max(len(months), 1)
    for counts, colour in ((before, _BEFORE), (after, _AFTER)):
        places = " ".join(
            f"{_LEFT + step * (number + 0.5):.1f},{_BOTTOM - (_BOTTOM - _TOP) * counts.get(month, 0) / top:.1f}"
            for number, month in enumerate(months)
        )
        parts.append(f'<polyline points="{places}" fill="none" stroke="{colour}" stroke-width="2"/>')
    shown = max(1, math.ceil(len(months) / 8))
    parts += [
        _text(_LEFT + step * (number + 0.5), _BOTTOM + 18, month, "middle")
        for number, month in enumerate(months)
        if number % shown == 0
    ]
    return svg.closed(parts)


def _top(values: Any) -> float:
    highest = max(values, default=0)
    return max(4.0, math.ceil(highest * 1.15 / 4) * 4.0)


def _frame(title: str, top: float) -> list[str]:
    parts = [
        *svg.opened(_WIDTH, _HEIGHT),
        _text(_LEFT, 20, title),
    ]
    for step in range(5):
        parts += svg.rule(_LEFT, _RIGHT, _BOTTOM - (_BOTTOM - _TOP) * step / 4, f"{top * step / 4:g}")
    return parts


def _text(x: float, y: float, text: str, anchor: str = "start") -> str:
    return svg.text(round(x, 1), round(y, 1), text, anchor)


def write(plots: Sequence[tuple[str, str]], directory: Any) -> list[str]:
    """Write the pictures into a directory; return their paths."""
    directory.mkdir(parents=True, exist_ok=True)
    written = []
    for name, content in plots:
        path = directory / name
        path.write_text(content, encoding="utf-8")
        written.append(str(path))
    return written
