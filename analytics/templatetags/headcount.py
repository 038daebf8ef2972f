"""How the pages write numbers that may be missing, and how they draw a day."""

import html
from collections.abc import Iterable
from typing import Any

import msgspec
from django import template
from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe

from analytics import headlines, strips

register = template.Library()


@register.filter
def average(people: float | None) -> str:
    """Such as "1.25", or a dash where nothing is known."""
    return headlines.written("{:.2f}", people)


@register.filter
def cells(texts: Iterable[str]) -> SafeString:
    """A cell of a table for each."""
    # By hand: Django's way to the same takes longer than all else in a table of many rows.
    return mark_safe("".join([f"<td>{html.escape(text)}</td>" for text in texts]))  # noqa: S308


@register.filter
def json_script(value: Any, element_id: str) -> SafeString:
    """A figure as JSON for a script, as Django's filter of this name writes it, in a tenth of the time."""
    text = msgspec.json.encode(value).decode()
    for character in "<>&":
        text = text.replace(character, f"\\u{ord(character):04X}")
    return format_html('<script id="{}" type="application/json">{}</script>', element_id, mark_safe(text))  # noqa: S308


@register.filter
def share(part: float | None) -> str:
    """0.634 as "63%", or a dash where nothing is known."""
    return headlines.written("{:.0%}", part)


@register.inclusion_tag("analytics/strip.html")
def strip(day: strips.Strip) -> dict[str, object]:
    """A day's hours as a drawing."""
    return {"strip": day, "width": strips.WIDTH, "height": strips.HEIGHT}


@register.inclusion_tag("analytics/drawing.html")
def drawing(hours: strips.Strip) -> dict[str, object]:
    """Hours as a drawing of the size of a plot, without labels."""
    return {"strip": hours, "width": strips.WIDTH, "height": strips.HEIGHT}
