"""How the pages write numbers that may be missing, and how they draw a day."""

import html
from collections.abc import Iterable
from typing import Any

import msgspec
from django import template
from django.template import Context
from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe

from analytics.numbers import readings
from analytics.pages.cards import Place, Subject, rendered
from analytics.pages.report import TableRow
from analytics.plots import sparklines

register = template.Library()


@register.filter
def average(people: float | None) -> str:
    """Such as "1.25", or a dash where nothing is known."""
    return readings.written("{:.2f}", people)


@register.filter
def table_rows(rows: Iterable[TableRow], linked: bool) -> SafeString:
    """The rows of a report's table; where `linked`, each name leads to the page of that day."""
    # By hand: Django's way to the same takes longer than all else in a page of many rows.
    return mark_safe("\n".join([_table_row(row, linked) for row in rows]))  # noqa: S308


def _table_row(row: TableRow, linked: bool) -> str:
    name = html.escape(row.name)
    head = f'<a href="?days=1&amp;to={row.date.isoformat()}">{name}</a>' if linked else name
    if row.cells is None:
        return f'<tr><th scope="row">{head}</th><td colspan="{readings.CELLS}" class="soft">camera off</td></tr>'
    cells = "</td><td>".join(map(html.escape, row.cells))
    return f'<tr><th scope="row">{head}</th><td>{cells}</td></tr>'


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
    return readings.written("{:.0%}", part)


@register.filter
def signed(people: float | None) -> str:
    """Such as "+0.40" or "−0.40", or a dash where nothing is known."""
    return readings.written("{:+.2f}", people).replace("-", "−")


@register.simple_tag(takes_context=True)
def cards(context: Context, place: Place) -> SafeString:
    """What features add at this place to the page of a site or of a device; see `analytics/pages/cards.py`."""
    device = context.get("device")
    devices = context["devices"] if device is None else [device]
    return rendered(place, Subject(devices, device, context["period"]))


@register.inclusion_tag("analytics/strip.html")
def strip(day: sparklines.Strip) -> dict[str, object]:
    """A day's hours as a drawing."""
    return {"strip": day, "width": sparklines.WIDTH, "height": sparklines.HEIGHT}


@register.inclusion_tag("analytics/drawing.html")
def drawing(hours: sparklines.Strip) -> dict[str, object]:
    """Hours as a drawing of the size of a plot, without labels."""
    return {"strip": hours, "width": sparklines.WIDTH, "height": sparklines.HEIGHT}
