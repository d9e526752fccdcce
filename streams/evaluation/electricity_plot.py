"""Draws daily use and the alerts on it, as an SVG that a document can show."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from streams import svg

_WIDTH, _HEIGHT = 720, 300
_LEFT, _RIGHT, _TOP, _BOTTOM = 60, 700, 40, 255
_COLOURS = {"blue": "#1f77b4", "yellow": "#e0b000", "orange": "#ff7f0e", "red": "#d62728"}


def picture(title: str, days: Sequence[date], use: Sequence[float], marks: Sequence[tuple[int, str]]) -> str:
    """Return a line of daily use with a mark for each alert.

    Parameters
    ----------
    title
        What it shows.
    days, use
        Of the same length, at least 2: kWh, NaN for a day without a figure.
    marks
        (index of the day, level) of the alerts.

    Examples
    --------
    >>> drawn = picture("A stop", [date(2025, 3, day) for day in (1, 2, 3)], [9.0, 9.0, 0.0], [(2, "yellow")])
    >>> drawn.count("<circle"), "A stop" in drawn
    (1, True)
    """
    top = max([value for value in use if value == value], default=0.0) * 1.05 or 1.0

    def x(index: int) -> float:
        return round(_LEFT + index / (len(days) - 1) * (_RIGHT - _LEFT), 1)

    def y(value: float) -> float:
        return round(_BOTTOM - value / top * (_BOTTOM - _TOP), 1)

    parts = [
        *svg.opened(_WIDTH, _HEIGHT),
        svg.text(_LEFT, 20, title),
        svg.text(_LEFT - 8, _TOP - 8, "kWh a day", "end"),
    ]
    for step in range(5):
        value = top * step / 4
        parts += svg.rule(_LEFT, _RIGHT, y(value), f"{value:,.0f}")
    for index, day in enumerate(days):
        if day.day == 1:
            parts.append(svg.text(x(index), _BOTTOM + 18, day.strftime("%Y-%m"), "middle"))
    places = " ".join(f"{x(index)},{y(value)}" for index, value in enumerate(use) if value == value)
    parts.append(f'<polyline points="{places}" fill="none" stroke="#333" stroke-width="1.5"/>')
    for index, level in marks:
        colour = _COLOURS[level]
        parts.append(f'<path d="M{x(index)} {_TOP}V{_BOTTOM}" stroke="{colour}" stroke-dasharray="4 3"/>')
        parts.append(f'<circle cx="{x(index)}" cy="{_TOP}" r="5" fill="{colour}"/>')
        parts.append(svg.text(x(index) + 8, _TOP + 4, level, "start", colour))
    return svg.closed(parts)
