"""The parts that all Plotly figures share: layout, axes, and the hatching that stands for "camera off". Pure.

A figure is a plain dictionary that becomes JSON. Its colours are custom properties of the style sheet, such as
"var(--data)"; plots.js resolves them, so that a plot follows the reader's light or dark theme.
"""

from collections.abc import Sequence
from typing import Any

Figure = dict[str, Any]
"""A Plotly figure, or a part of one, as Plotly's JSON schema defines it."""

INVISIBLE: Figure = {"color": "rgba(0,0,0,0)", "line": {"width": 0}}
"""The marker of bars that only react to the pointer."""

HATCHED: Figure = {
    **INVISIBLE,
    "pattern": {"shape": "/", "fgcolor": "var(--off)", "fillmode": "overlay", "size": 7, "solidity": 0.25},
}
"""The marker of "camera off"."""

AXIS: Figure = {"fixedrange": True, "zeroline": False, "tickfont": {"color": "var(--ink-soft)", "size": 11}}
"""The properties of every axis."""

BAR_SHARE = 0.84
"""The share of its bucket's width that a bar fills; the rest is the gap to the next bar."""


def layout(**properties: Any) -> Figure:
    """Return the layout of all figures with these properties added."""
    return {
        "barmode": "overlay",
        "showlegend": False,
        "dragmode": False,
        "hovermode": "closest",
        "margin": {"l": 34, "r": 6, "t": 8, "b": 38},
        "paper_bgcolor": "var(--panel)",
        "plot_bgcolor": "rgba(0,0,0,0)",
        "font": {"family": "var(--font)", "color": "var(--ink)"},
        "hoverlabel": {
            "bgcolor": "var(--ink)",
            "bordercolor": "var(--ink)",
            "font": {"family": "var(--font)", "color": "var(--panel)", "size": 12},
            "align": "left",
        },
        **properties,
    }


def x_axis(ticks: Sequence[tuple[float, str]], **properties: Any) -> Figure:
    """Return a horizontal axis with these ticks, each a position and a text, and with these properties added."""
    return {
        **AXIS,
        "tickvals": [position for position, _ in ticks],
        "ticktext": [text for _, text in ticks],
        "tickangle": 0,
        "ticks": "outside",
        "ticklen": 4,
        "tickcolor": "var(--line-strong)",
        "showgrid": False,
        "showline": True,
        "linecolor": "var(--line-strong)",
        **properties,
    }


def y_axis(highest: float, **properties: Any) -> Figure:
    """Return a vertical axis from 0 to slightly above the highest value, with these properties added."""
    return {**AXIS, "range": [0, scale_end(highest)], "gridcolor": "var(--line)", "gridwidth": 1, **properties}


def scale_end(highest: float) -> float:
    """Return the upper end of the scale for this highest value: 8 % above it, and 1 at least."""
    return max(1, highest * 1.08)
