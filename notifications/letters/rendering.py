"""Letters as HTML for mail and page, as plain text, and as PDF: all from one content and one template."""

import base64
import ctypes
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from django.template.loader import render_to_string

from notifications.letters import figures, sentences


@dataclass(frozen=True, slots=True)
class Links:
    """The addresses in a letter; empty where it has none."""

    page: str = ""
    """The letter itself, in the browser."""
    pdf: str = ""
    unsubscribe: str = ""


class NoPdf(Exception):
    """This machine cannot make PDF. The text is one sentence that says what to install."""


@dataclass(frozen=True, slots=True)
class Rendered:
    """A letter in all its forms. The HTML names its pictures by `cid:`."""

    subject: str
    html: str
    text: str
    pictures: Sequence[bytes]
    """PNG."""


def render_site(content: dict[str, Any], links: Links) -> Rendered:
    """Render the letter of one site."""
    plots = content["plots"]
    context = {
        "subject": sentences.subject(content),
        "site": content["site"],
        "period": content["period"],
        "hours": content["hours"],
        "came": sentences.came(content),
        "usual": sentences.usual(content),
        "beside": sentences.beside(content),
        "beside_name": content["beside"],
        "measures": sentences.measure_rows(content),
        "plots": [(plot["title"], figures.alt_text(plot), f"cid:plot-{n}") for n, plot in enumerate(plots)],
        "parts": sentences.parts(content),
        "links": links,
    }
    pictures = [figures.draw(plot["figure"]) for plot in plots]
    return _rendered("site", context, pictures)


def render_all(letters: Sequence[tuple[dict[str, Any], str]], links: Links) -> Rendered:
    """Render the letter about several sites, given each one's content and the link to its own letter.

    Raises `ValueError` without any letter.
    """
    if not letters:
        raise ValueError("There is no letter to render.")
    first = letters[0][0]
    rows = sentences.site_rows(letters)
    number = f"{len(rows)} sites" if len(rows) != 1 else first["site"]
    context = {
        "subject": f"{number}, {first['period']}",
        "site": number,
        "period": first["period"],
        "rows": rows[:MOST_ROWS],
        "more": len(rows) - MOST_ROWS,
        "overall": sentences.overall(rows, first["beside"]),
        "beside_name": first["beside"],
        "links": links,
    }
    return _rendered("all", context, [])


MOST_ROWS = 40
"""Sites in the table of one letter; it counts the others. Those that changed are told above the table in any case."""


def _rendered(name: str, context: dict[str, Any], pictures: Sequence[bytes]) -> Rendered:
    html = render_to_string(f"notifications/letters/{name}.html", context)
    text = render_to_string(f"notifications/letters/{name}.txt", context)
    lines = "\n".join(line.rstrip() for line in text.splitlines())
    while "\n\n\n" in lines:
        lines = lines.replace("\n\n\n", "\n\n")
    return Rendered(context["subject"], html, lines.strip() + "\n", pictures)


def standing_alone(letter: Rendered) -> str:
    """Return the HTML with its pictures inside, for a page or a PDF."""
    html = letter.html
    for number, picture in enumerate(letter.pictures):
        html = html.replace(f"cid:plot-{number}", f"data:image/png;base64,{base64.b64encode(picture).decode()}")
    return html


LIBRARIES = {"libpango-1.0.so.0": "libpango-1.0-0", "libpangoft2-1.0.so.0": "libpangoft2-1.0-0"}
"""The libraries that a PDF needs, and the Debian packages that have them."""


def missing_packages() -> list[str]:
    """Return the Debian packages without which this machine makes no PDF."""
    return [package for library, package in LIBRARIES.items() if not _has(library)]


def _has(library: str) -> bool:
    try:
        ctypes.CDLL(library)
    except OSError:
        return False
    return True


PLOT_WIDTHS_MM = (150, 125, 100, 75)
"""How wide plots are in print: as wide as leaves the letter on one page."""


@lru_cache(maxsize=32)
def pdf(html: str) -> bytes:
    """Return the HTML of `standing_alone` as a PDF of one page, if it fits at all. Raises `NoPdf`."""
    try:
        # The library loads Pango, which a machine may lack, and is slow to import.
        import weasyprint
    except OSError as error:
        raise NoPdf(f"The PDF cannot be made: install {' and '.join(LIBRARIES.values())} ({error}).") from None
    for name in ("weasyprint", "weasyprint.progress"):
        logging.getLogger(name).setLevel(logging.ERROR)
    # The pictures are in the HTML: nothing is loaded from files or networks.
    only_inside = weasyprint.URLFetcher(allowed_protocols=("data",))
    page = weasyprint.HTML(string=html, url_fetcher=only_inside)
    for width in PLOT_WIDTHS_MM:
        document = page.render(stylesheets=[weasyprint.CSS(string=f"img {{ width: {width}mm !important }}")])
        if len(document.pages) == 1:
            break
    made: bytes = document.write_pdf()
    return made
