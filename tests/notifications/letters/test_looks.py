"""A letter in a real browser: on a phone and on a screen, light and dark."""

from typing import Any

import pytest

from notifications.letters import rendering
from notifications.letters.rendering import Links
from tests.programs.chromium import Browser, until

pytestmark = pytest.mark.django_db


def test_a_letter_fits_a_phone_and_follows_the_dark_mode(content: dict[str, Any], browser: Browser) -> None:
    page = browser.page
    whole = rendering.standing_alone(rendering.render_site(content, Links("https://a.example/")))
    several = rendering.render_all(
        [(content | {"site": "Zürich, Bahnhofstrasse, Erdgeschoss"}, "/x")] * 3, Links()
    ).html
    for html, pictures in ((whole, 2), (several, 0)):
        for width in (360, 1280):
            page.set_viewport_size({"width": width, "height": 800})
            backgrounds = []
            for scheme in ("light", "dark"):
                page.emulate_media(color_scheme=scheme)
                page.set_content(html)
                until(page, "[...document.images].every((image) => image.complete && image.naturalWidth > 0)")
                assert page.evaluate("document.images.length") == pictures
                assert page.evaluate("document.documentElement.scrollWidth") <= width
                sheet = "getComputedStyle(document.querySelector('.sheet')).backgroundColor"
                backgrounds.append(page.evaluate(sheet))
            assert backgrounds == ["rgb(255, 255, 255)", "rgb(21, 28, 26)"]
    assert browser.troubles == []
    assert browser.hosts == set()
