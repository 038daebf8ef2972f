"""Every figure of every page is one that the plotting library accepts, in colours that the style sheet defines."""

import datetime as dt
import html
import json
import re
from typing import Any

import plotly.graph_objects as go
import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse
from plotly.offline import get_plotlyjs_version

from analytics.models import Question
from analytics.plots import library
from devices.models import Device, Site
from devices.rules.roles import Role
from tests.analytics.features.groundtruth.conftest import counted
from tests.analytics.frames import count, seen
from tests.clock import SetClock
from tests.house.files import ROOT
from tests.world import places

NOW = dt.datetime(2026, 11, 20, 18, 30, tzinfo=dt.UTC)
MINUTE = dt.timedelta(minutes=1)

SCRIPT = re.compile(r'(?s)<script id="([\w-]+)" type="application/json">(.*?)</script>')
COLOUR = re.compile(r"var\((--[a-z-]+)\)")
STYLE_SHEET = ROOT / "analytics" / "static" / "analytics" / "headcount.css"

PLOTTING_TEMPLATES = {
    str(path.relative_to(ROOT / "templates"))
    for path in (ROOT / "templates" / "analytics").rglob("*.html")
    if "|json_script" in path.read_text()
}
"""The templates that write figures into pages."""


@pytest.fixture(autouse=True)
def _half_past_ten(set_clock: SetClock) -> None:
    set_clock(NOW)


@pytest.fixture
def busy(seattle01: Device, chicago01: Device) -> None:
    """Hours with people, with nobody, without a camera, and with a camera that counts no faces."""
    for hours_ago, faces in ((30, [0.9]), (28, []), (3, [0.9, 0.8]), (2, None), (1, [0.4])):
        for minute in range(0, 60, 5):
            at = NOW - dt.timedelta(hours=hours_ago) + minute * MINUTE
            count(seen(seattle01, at, faces=faces, labels=[("thumbs-up", 0.8)] * (minute // 5 % 2)))
            count(seen(chicago01, at, faces=faces and faces[:1]))


@pytest.fixture
def visitor(seattle: Site, chicago: Site) -> Client:
    """Somebody who is signed in and sees both sites."""
    client = Client()
    client.force_login(places.user("manager", {seattle: Role.OWNER, chicago: Role.OWNER}))
    return client


@pytest.fixture
def addresses(seattle01: Device, operator: User) -> list[str]:
    """The pages that show plots: of each kind one, in each way in which it draws."""
    session = counted(seattle01, operator, 3, 2, None, 2, start=NOW - 30 * MINUTE)
    question = Question.objects.create(
        site=seattle01.site, text="Enough?", asked_from=NOW - 4 * 60 * MINUTE, asked_until=NOW + 60 * MINUTE
    )
    site, device = reverse("site", args=["seattle"]), reverse("device", args=["seattle", "Seattle01"])
    return [
        *(f"{place}?days={days}" for place in (site, device) for days in (1, 30)),
        f"{device}?label=face",
        *(f"{reverse('compare')}?place=seattle&place=chicago/Chicago01&by={by}" for by in ("local", "instant")),
        reverse("question", args=[question.pk]),
        reverse("ground-truth-session", args=[session.pk]),
    ]


def figures(client: Client, address: str) -> tuple[dict[str, dict[str, Any]], set[str]]:
    """The figures of a page and of the parts that its browser loads afterwards, and the templates that wrote them."""
    pages = [client.get(address)]
    pages += [client.get(html.unescape(part)) for part in re.findall(r'data-plots="([^"]+)"', text_of(pages[0]))]
    scripts = {f"{address} {name}": json.loads(text) for page in pages for name, text in SCRIPT.findall(text_of(page))}
    shown = {name: content for name, content in scripts.items() if "layout" in content}
    return shown, {template.name for page in pages for template in page.templates if template.name}


def text_of(page: Any) -> str:
    assert page.status_code == 200
    return str(page.content.decode())


def resolved(value: Any, colours: dict[str, str]) -> Any:
    """The figure as the browser draws it: each name of a custom property replaced by the value of the property."""
    if isinstance(value, dict):
        return {key: resolved(item, colours) for key, item in value.items()}
    if isinstance(value, list):
        return [resolved(item, colours) for item in value]
    name = COLOUR.fullmatch(value) if isinstance(value, str) else None
    return colours[name[1]] if name else value


def themes() -> list[dict[str, str]]:
    """The custom properties of the light theme, and those of the dark theme, which overrides some of them."""
    light: dict[str, str] = {}
    dark: dict[str, str] = {}
    for name, value in re.findall(r"(?m)^\s*(--[a-z-]+): (.+);$", STYLE_SHEET.read_text()):
        (dark if name in light else light)[name] = value
    return [light, {**light, **dark}]


def test_every_figure_is_valid_in_both_themes(busy: None, visitor: Client, addresses: list[str]) -> None:
    rendered: set[str] = set()
    for address in addresses:
        shown, templates = figures(visitor, address)
        assert shown, f"{address} shows no plot"
        rendered |= templates
        for name, figure in shown.items():
            for theme in themes():
                drawn = go.Figure(resolved(figure, theme))
                assert len(drawn.data) == len(figure["data"]) > 0, name
    assert rendered >= PLOTTING_TEMPLATES, "a template writes figures that no address of this test shows"


def test_a_figure_with_a_misspelled_property_is_refused() -> None:
    with pytest.raises(ValueError, match="colour"):
        go.Figure({"data": [{"type": "bar", "marker": {"colour": "red"}}], "layout": {}})


def test_a_figure_whose_colour_the_style_sheet_lacks_is_refused() -> None:
    with pytest.raises(KeyError, match="--nothing"):
        resolved({"data": [{"marker": {"color": "var(--nothing)"}}]}, themes()[0])


def test_the_browser_draws_with_the_version_that_validates() -> None:
    assert get_plotlyjs_version() == library.VERSION
