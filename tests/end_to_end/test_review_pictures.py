"""A detection is framed where it is in its picture, whatever size the picture and the page have."""

import io
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.files.base import ContentFile
from django.urls import reverse
from PIL import Image
from pytest_django.live_server_helper import LiveServer
from skimage import data

from analytics.models import Detection
from devices.models import Device
from faces.models import Capture
from tests import clock
from tests.analytics.frames import count, seen
from tests.programs.chromium import Browser, until

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.timeout(180)]

FACE = (173, 72, 100, 118)
"""The astronaut's, in pixels of the photograph, which is 512 by 512."""

PLACES = """() => [...document.querySelectorAll(".framed")].map(framed => {
  const img = framed.querySelector("img"), shown = img.getBoundingClientRect();
  const box = framed.querySelector("rect:not(.rim)").getBoundingClientRect();
  const scale = Math.min(shown.width / img.naturalWidth, shown.height / img.naturalHeight);
  const left = shown.left + (shown.width - img.naturalWidth * scale) / 2;
  const top = shown.top + (shown.height - img.naturalHeight * scale) / 2;
  return [box.left - left, box.top - top, box.width, box.height].map(side => side / scale);
})"""
"""Where each detection is framed, in the pixels of its picture as it was loaded."""

LOADED = "[...document.querySelectorAll('.framed img')].every(img => img.complete && img.naturalWidth)"
"""Whether all pictures are there, which the page asks for as they come into view."""


def photograph(part: tuple[int, int, int, int], scale: float) -> ContentFile[bytes]:
    """This part of the photograph (left, top, width, height), made smaller."""
    left, top, width, height = part
    picture = Image.fromarray(data.astronaut()).crop((left, top, left + width, top + height))
    out = io.BytesIO()
    picture.resize((round(width * scale), round(height * scale))).save(out, "JPEG")
    return ContentFile(out.getvalue())


@pytest.mark.parametrize(("area", "scale"), [((0, 0, 512, 512), 0.5), ((100, 20, 300, 400), 1.0)])
def test_the_frame_is_around_the_face_on_a_phone_and_on_a_desk(
    live_server: LiveServer,
    seattle01: Device,
    viewer: User,
    browser: Browser,
    settings: Any,
    tmp_path: Any,
    area: tuple[int, int, int, int],
    scale: float,
) -> None:
    settings.MEDIA_ROOT = tmp_path
    at = clock.now().replace(microsecond=0)
    count(seen(seattle01, at, faces=[0.9]))
    Detection.objects.update(box=list(FACE))
    capture = Capture(device=seattle01, taken_at=at, received_at=at, key=1, area=list(area))
    capture.image.save("astronaut.jpg", photograph(area, scale))
    browser.sign_in_as(viewer, live_server.url)
    expected = [(FACE[0] - area[0]) * scale, (FACE[1] - area[1]) * scale, FACE[2] * scale, FACE[3] * scale]
    for width in (360, 1280):
        browser.page.set_viewport_size({"width": width, "height": 900})
        browser.page.goto(f"{live_server.url}{reverse('review')}?label=face")
        browser.page.locator(".framed img").scroll_into_view_if_needed()
        until(browser.page, LOADED)
        (place,) = browser.page.evaluate(PLACES)
        assert place == pytest.approx(expected, abs=1.5)
    assert browser.troubles == []
