"""Filters and tags of the pages: numbers that may be unknown, tables, figures as JSON, sparklines and cards."""

import html
from collections.abc import Iterable
from typing import Any

from django import template
from django.template import Context
from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe
from plotly.io.json import to_json_plotly

from analytics.pages.cards import Place, Subject, render_cards
from analytics.pages.report import TableRow
from analytics.plots.sparklines import HEIGHT, WIDTH, Sparkline
from analytics.verdicts.metrics import TABLE_COLUMNS, format_number

register = template.Library()


@register.filter
def average(people: float | None) -> str:
    """Format an average, such as "1.25"; a dash where it is unknown."""
    return format_number("{:.2f}", people)


@register.filter
def table_rows(rows: Iterable[TableRow], query: str) -> SafeString:
    """Return the rows of a report's table as HTML; with a `query` each name links to the page of its day."""
    # Not a template: that would take longer than everything else in a page of many rows.
    return mark_safe("\n".join([_table_row(row, html.escape(query)) for row in rows]))  # noqa: S308


def _table_row(row: TableRow, query: str) -> str:
    name = html.escape(row.name)
    head = f'<a href="?{query}&amp;to={row.date.isoformat()}">{name}</a>' if query else name
    if row.cells is None:
        return (
            f'<tr><th scope="row">{head}</th><td colspan="{TABLE_COLUMNS}" class="soft">{row.without_cells}</td></tr>'
        )
    cells = "</td><td>".join(map(html.escape, row.cells))
    return f'<tr><th scope="row">{head}</th><td>{cells}</td></tr>'


@register.filter
def json_script(figure: Any, element_id: str) -> SafeString:
    """Return a script element with this id that holds a figure, or its data, as JSON.

    Plotly escapes each character that could end the element.
    """
    text = to_json_plotly(figure, engine="orjson")
    return format_html('<script id="{}" type="application/json">{}</script>', element_id, mark_safe(text))  # noqa: S308


@register.filter
def share(part: float | None) -> str:
    """Format a share, such as "63%" for 0.634; a dash where it is unknown."""
    return format_number("{:.0%}", part)


@register.filter
def signed(people: float | None) -> str:
    """Format a difference, such as "+0.40" or "−0.40"; a dash where it is unknown."""
    return format_number("{:+.2f}", people).replace("-", "−")


@register.simple_tag(takes_context=True)
def cards(context: Context, place: Place) -> SafeString:
    """Return the cards of features at this place of the page of a site or device; see `analytics/pages/cards.py`."""
    followed_from = context["report"].numbers.followed_from
    return render_cards(place, Subject(context["selected"], context.get("device"), context["period"], followed_from))


@register.inclusion_tag("analytics/sparkline.html")
def sparkline(drawing: Sparkline) -> dict[str, object]:
    """Show a sparkline with labelled hours."""
    return {"sparkline": drawing, "width": WIDTH, "height": HEIGHT}


@register.inclusion_tag("analytics/sparkline_as_plot.html")
def sparkline_as_plot(drawing: Sparkline) -> dict[str, object]:
    """Show a sparkline in the size of a plot, without labels."""
    return {"sparkline": drawing, "width": WIDTH, "height": HEIGHT}
