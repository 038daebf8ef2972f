"""A letter is one page: HTML that needs nothing from elsewhere, plain text, and PDF; its plots are drawn as PNG."""

import io
import re
from html.parser import HTMLParser
from typing import Any

import pytest
from django.utils.html import escape
from PIL import Image

from notifications.letters import figures, rendering
from notifications.letters.rendering import Links
from notifications.sending import health
from tests import clock

pytestmark = pytest.mark.django_db

Content = dict[str, Any]

LINKS = Links("https://pages.example/letter", "https://pages.example/letter.pdf", "https://pages.example/end")


class Sources(HTMLParser):
    """Collects what a browser would load."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.found: list[str] = []
        self.scripts = 0
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.scripts += tag == "script"
        self.found += [
            value or "" for name, value in attrs if name in ("src", "background") or (tag, name) == ("link", "href")
        ]


def test_a_letter_loads_nothing_and_runs_nothing(content: Content) -> None:
    html = rendering.standing_alone(rendering.render_site(content, LINKS))
    sources = Sources(html)
    assert len(sources.found) == 2
    assert all(source.startswith("data:image/png;base64,") for source in sources.found)
    assert sources.scripts == 0
    assert "prefers-color-scheme: dark" in html


def test_text_and_html_say_the_same(content: Content) -> None:
    rendered = rendering.render_site(content, LINKS)
    plain = " ".join(re.sub(r"<[^>]+>", " ", rendered.html).split())
    for part in ("Best and weakest hour", "Chicago01 was off for 147 h of 168 h", "More than the week before"):
        assert part in rendered.text
        assert escape(part) in plain
    assert LINKS.unsubscribe in rendered.text
    assert rendered.subject == f"Chicago, 9 – 15 Nov 2026: {content['spells']:,} occupied spells"


def test_names_are_text_and_no_markup(content: Content) -> None:
    rendered = rendering.render_site(content | {"site": "<script>alert(1)</script>"}, LINKS)
    assert "<script" not in rendered.html
    assert "<script>alert(1)</script>" in rendered.text


def test_a_plot_is_a_picture_with_bars_and_a_clear_background(content: Content) -> None:
    engagement = content["plots"][0]
    picture = Image.open(io.BytesIO(figures.draw(engagement["figure"])))
    assert picture.size == (figures.WIDTH * figures.SCALE, figures.HEIGHT * figures.SCALE)
    colours = {colour for _, colour in picture.getcolors(1 << 20) or []}
    assert picture.getchannel("A").getpixel((picture.width - 1, 0)) == 0
    assert (0x1F, 0x8A, 0xA8, 255) in colours
    assert "Busiest: " in figures.alt_text(engagement)


def test_a_bar_is_as_high_as_its_value() -> None:
    figure = {
        "data": [
            {"x": [0, 10], "y": [5, 10], "width": [10, 10], "offset": 0, "marker": {"color": "var(--data)"}},
        ],
        "layout": {
            "xaxis": {"range": [0, 20], "tickvals": [], "ticktext": []},
            "yaxis": {"range": [0, 10], "nticks": 5},
        },
    }
    picture = Image.open(io.BytesIO(figures.draw(figure)))
    left = figures.LEFT * figures.SCALE
    span = picture.width - left - figures.RIGHT * figures.SCALE
    blue = (0x1F, 0x8A, 0xA8, 255)
    heights = [
        sum(picture.getpixel((left + round(span * share), y)) == blue for y in range(picture.height))
        for share in (0.25, 0.75)
    ]
    assert heights[1] == pytest.approx(2 * heights[0], abs=4)


@pytest.mark.parametrize(("length", "most", "step"), [(10, 5, 2), (1, 5, 0.2), (432, 5, 100), (0, 5, 1e-9 / 5)])
def test_ticks_lie_at_round_numbers(length: float, most: int, step: float) -> None:
    assert figures.nice_step(length, most) == pytest.approx(step)


def test_a_letter_about_many_sites_counts_those_it_does_not_list(content: Content) -> None:
    contents = [(content, "")] * (rendering.MOST_ROWS + 3)
    rendered = rendering.render_all(contents, LINKS)
    assert "And 3 more sites." in rendered.html
    assert f"{rendering.MOST_ROWS + 3} sites" in rendered.subject
    with pytest.raises(ValueError, match="no letter to render"):
        rendering.render_all([], LINKS)


def test_health_names_the_package_that_a_pdf_lacks(monkeypatch: pytest.MonkeyPatch) -> None:
    assert not [line for line in health.lines(clock.now()) if line.part == "letters"]
    monkeypatch.setattr(rendering, "LIBRARIES", {"libnothing.so.9": "libnothing-9"})
    [line] = [line for line in health.lines(clock.now()) if line.part == "letters"]
    assert str(line) == "ok   letters: come without a PDF; install libnothing-9 on this machine"
