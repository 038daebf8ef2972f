"""What all Plotly figures have in common: colours, axes, and how "camera off" looks. Pure."""

from collections.abc import Sequence
from typing import Any

Figure = dict[str, Any]

INVISIBLE: Figure = {"color": "rgba(0,0,0,0)", "line": {"width": 0}}
HATCHED: Figure = {
    **INVISIBLE,
    "pattern": {"shape": "/", "fgcolor": "var(--off)", "fillmode": "overlay", "size": 7, "solidity": 0.25},
}
"""How "camera off" is drawn."""

AXIS: Figure = {"fixedrange": True, "zeroline": False, "tickfont": {"color": "var(--ink-soft)", "size": 11}}


def layout(**more: Any) -> Figure:
    """What all figures have in common, and these properties."""
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
        **more,
    }


def x_axis(ticks: Sequence[tuple[float, str]], **more: Any) -> Figure:
    """An axis along the bottom with these labels."""
    return {
        **AXIS,
        "tickvals": [at for at, _ in ticks],
        "ticktext": [text for _, text in ticks],
        "tickangle": 0,
        "ticks": "outside",
        "ticklen": 4,
        "tickcolor": "var(--line-strong)",
        "showgrid": False,
        "showline": True,
        "linecolor": "var(--line-strong)",
        **more,
    }


def y_axis(highest: float, **more: Any) -> Figure:
    """From the ground to a little over this."""
    return {**AXIS, "range": [0, top_of(highest)], "gridcolor": "var(--line)", "gridwidth": 1, **more}


def top_of(highest: float) -> float:
    """Where a scale ends whose highest value is this."""
    return max(1, highest * 1.08)
