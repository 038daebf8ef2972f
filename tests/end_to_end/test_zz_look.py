"""Look at the pages: run as a pytest file with a live server."""

import datetime as dt, os
import pytest
from django.urls import reverse
from tests.chromium import *
from tests import clock
from tests.faces import scenes
from tests.faces.desk.conftest import *
from tests.faces.conftest import agree
from faces.services import *
from faces.models import *
from faces.people.desk_links import make_link
from faces.people.merging import merge_people
from faces.recognition.recognising import recognise
from devices.intake.batches import Batch
from devices.reading.decoding import TakenPicture
from faces.pictures import sink

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.timeout(600)]


def test_look(live_server, owner, seattle, seattle01, browser, scripted, text):
    now = clock.now()
    set_policy(site=seattle, mode=Mode.ENROLLED, confirmed_by=owner)
    names = ["Ada Lovelace", "Bea", "Cyrus the Great", "Dora", "Guest 4"]
    for n, name in enumerate(names):
        face = (100 + n, 60, 200, 200)
        scripted.detections = detections(face, cups=[(160, 240, 60, 60)])
        p = create_person(
            site=seattle,
            name=name,
            external_id=f"staff:{n}" if n < 3 else "",
            line="Commander" if n == 0 else "",
            profile="Wrote the first program.\nLikes tea, though." if n == 0 else "",
        )
        enrol(
            person=p,
            consent=agree(p, signed_at=now - dt.timedelta(days=1), days=20 if n == 1 else 365),
            jpeg=photograph(shade=n).read(),
        )
        for k in range(4 - n % 3):
            at = now - dt.timedelta(hours=k * 3 + n, minutes=9 * n)
            sink.take_in(
                Batch(
                    pictures=[TakenPicture(seattle01, at, now, 1000 * n + k, scenes.jpeg(scenes.portrait_with_cup()))]
                )
            )()
            c = Capture.objects.get(key=1000 * n + k)
            recognise(capture_id=c.pk)
    scripted.detections = detections((300, 60, 100, 100), (20, 50, 100, 100))
    sink.take_in(Batch(pictures=[TakenPicture(seattle01, now, now, 99, scenes.jpeg(scenes.two_with_cups()))]))()
    recognise(capture_id=Capture.objects.get(key=99).pk)
    ada = Person.objects.get(name="Ada Lovelace")
    bea = Person.objects.get(name="Bea")
    tw = create_person(site=seattle, name="A. Lovelace")
    merge_people(other=tw, into=ada, by=owner)
    void_coffee(coffee=Coffee.objects.filter(person=bea).first(), by=owner, reason="Counted twice")
    _, code = make_link(site=seattle, person=ada, by=owner, now=now)
    _, ecode = make_link(site=seattle, template=text, by=owner, now=now, uses=10)
    url = live_server.url
    browser.sign_in_as(owner, url)
    page = browser.page
    s = "/sites/seattle/"
    cap = Capture.objects.filter(sightings__person=ada).first()
    pages = {
        "people": s + "people/",
        "person": f"{s}people/{ada.pk}/",
        "merge": f"{s}people/{bea.pk}/merge/?into={ada.pk}",
        "captures": s + "captures/",
        "capture": f"{s}captures/{cap.pk}/",
        "coffees": s + "coffees/",
        "consents": s + "people/consents/",
        "own": f"/me/{code}/",
        "self": f"/enrol/{ecode}/",
        "code": "/me/",
    }
    out = "/tmp/desk/shots"
    os.makedirs(out, exist_ok=True)
    for w in (360, 1280):
        page.set_viewport_size({"width": w, "height": 900})
        for scheme in ("light", "dark"):
            if (w, scheme) == (360, "light"):
                pass
            page.emulate_media(color_scheme=scheme)
            for name, path in pages.items():
                if (w, scheme) in ((360, "dark"), (1280, "light")) and name not in ("person", "self", "coffees", "own"):
                    continue
                page.goto(url + path)
                wide = page.evaluate("document.documentElement.scrollWidth")
                if wide > w:
                    print("WIDE", name, w, wide)
                page.screenshot(path=f"{out}/{name}-{w}-{scheme}.png", full_page=True)
            # desk with photographs
            page.goto(url + s + "people/enrol/")
            page.fill("input[name=name]", "Ada")
            scripted.detections = detections((305, 60, 200, 200))
            page.locator("input[multiple]").set_input_files(
                [{"name": "1.jpg", "mimeType": "image/jpeg", "buffer": photograph(shade=77).read()}]
            )
            expect(page.get_by_text("1 of 3")).to_be_visible()
            scripted.detections = detections((100, 60, 200, 200))
            page.locator("input[multiple]").set_input_files(
                [{"name": "1.jpg", "mimeType": "image/jpeg", "buffer": photograph(shade=78).read()}]
            )
            expect(page.get_by_text("Enrol as Ada")).to_be_visible()
            page.screenshot(path=f"{out}/desk-{w}-{scheme}.png", full_page=True)
    print(browser.troubles)
