"""The documents for Google Earth: valid KML, addresses without a query, and never an error."""

import datetime as dt
import io
import re
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import fastkml
import pytest
from django.db import DatabaseError
from django.test import Client
from django.urls import reverse
from lxml import etree
from PIL import Image

from analytics.features.galaxy.drawing.layout import screens
from analytics.features.galaxy.globe import kml
from analytics.features.galaxy.snapshots import EngagementSnapshot, SiteHours
from analytics.models.walls import WallToken
from analytics.numbers.measures import BucketState, EngagementBucket
from devices.models import Site
from tests.analytics.features.galaxy.conftest import NOW
from tests.clock import SetClock

SCHEMA = etree.XMLSchema(file=str(Path(fastkml.__file__).parent / "schema" / "ogckml22.xsd"))
N = {"k": kml.NAMESPACE, "gx": kml.GOOGLE}


def checked(document: bytes) -> Any:
    """Return the document's root after checking the document."""
    assert document.startswith(b"<?xml version"), "nothing may precede the declaration"
    root = etree.fromstring(document)
    SCHEMA.assertValid(root)
    ids = root.xpath("//@id")
    assert len(ids) == len(set(ids))
    assert all(re.fullmatch(r"[A-Za-z][\w.-]*", name) for name in ids)
    assert {url.text for url in root.iterfind(".//k:styleUrl", N)} <= {f"#{name}" for name in ids}
    for coordinates in root.iterfind(".//k:coordinates", N):
        for place in coordinates.text.split():
            longitude, latitude, height = map(float, place.split(","))
            assert abs(longitude) <= 180
            assert abs(latitude) <= 90
            assert height >= 0
    for ring in root.iterfind(".//k:LinearRing/k:coordinates", N):
        places = ring.text.split()
        assert len(places) >= 4
        assert places[0] == places[-1]
    for look in root.iterfind(".//k:LookAt", N):
        assert abs(float(look.findtext("k:longitude", namespaces=N))) <= 180
        assert abs(float(look.findtext("k:latitude", namespaces=N))) <= 90
    for address in root.iterfind(".//k:href", N):
        assert "&" not in address.text
        assert "?" not in address.text
    return root


def fetch(address: str) -> Any:
    answer = Client().get(address)
    assert answer.status_code == 200
    assert answer["Content-Type"] == kml.CONTENT_TYPE
    return checked(answer.content)


def texts(root: Any, path: str) -> list[str]:
    return [found.text for found in root.iterfind(path, N)]


def site(slug: str = "seattle", latitude: float | None = 47.6, longitude: float | None = -122.3) -> SiteHours:
    """A site with 24 hours: off, nobody, uncounted, then more and more people."""
    zone = ZoneInfo("America/Los_Angeles")
    start = NOW.replace(minute=0, second=0, microsecond=0) - dt.timedelta(hours=23)
    hours = [
        EngagementBucket(
            start=(start + dt.timedelta(hours=number)).astimezone(zone),
            end=(start + dt.timedelta(hours=number + 1)).astimezone(zone),
            minutes=60,
            frames=0 if number in (0, 2) else 100,
            faces_sum=0 if number < 3 else 10 * number,
            faces_peak=number,
            minutes_seen=0 if number == 0 else 60,
            minutes_occupied=number,
            minutes_told=0 if number == 0 else 60,
        )
        for number in range(24)
    ]
    return SiteHours(slug, f"<{slug}> & “co”", str(zone), latitude, longitude, 2, 1, hours)


def snapshot(*sites: SiteHours) -> EngagementSnapshot:
    return EngagementSnapshot(NOW, sites)


def test_an_empty_document_is_valid() -> None:
    assert len(checked(kml.empty()).find("k:Document", N)) == 0


def test_a_link_refreshes_itself() -> None:
    root = checked(kml.link(["http://wall.example/a.kml"]))
    assert texts(root, ".//k:Link/*") == ["http://wall.example/a.kml", "onInterval", "30"]


def test_a_site_is_ringed_by_a_column_an_hour() -> None:
    root = checked(kml.engagement(snapshot(site(), site("chicago", 41.9, -87.6))))
    columns = root.xpath("//k:Placemark[k:Polygon]", namespaces=N)
    assert len(columns) == 48
    assert {column.findtext(".//k:extrude", namespaces=N) for column in columns} == {"1"}
    assert texts(columns[0], "k:TimeSpan/*") == ["2026-11-19T19:00:00Z", "2026-11-19T20:00:00Z"]
    kinds = [column.findtext("k:styleUrl", namespaces=N) for column in columns[:24]]
    assert kinds[:3] == ["#off", "#nobody", "#off"]
    assert kinds[3:] == sorted(kinds[3:])
    assert kinds[-1] == "#people-5"
    data = {each.get("name"): each.findtext("k:value", namespaces=N) for each in columns[23].iterfind(".//k:Data", N)}
    assert data == {
        "state": BucketState.PEOPLE,
        "average_faces": "2.300",
        "peak_faces": "23",
        "frames": "100",
        "coverage": "1.000",
    }


def test_a_column_is_as_tall_as_there_were_people_and_lies_on_a_dial() -> None:
    root = checked(kml.engagement(snapshot(site(latitude=0.0, longitude=0.0))))
    places = [ring.split()[0].split(",") for ring in texts(root, ".//k:LinearRing/k:coordinates")]
    assert float(places[-1][2]) == pytest.approx(2.3 * kml.METRES_A_PERSON)
    assert float(places[0][2]) == kml.FLAT
    north = [float(latitude) for _, latitude, _ in places]
    # The first hour is 11 to 12 o'clock in Seattle: noon, the second one, lies farthest south, midnight north.
    assert north.index(min(north)) == 1
    assert north.index(max(north)) == 13


@pytest.mark.parametrize(("latitude", "longitude"), [(90, 180), (-90, -180), (0, 180), (0, -180), (89.95, 0)])
def test_columns_at_a_pole_or_the_date_line_stay_whole(latitude: float, longitude: float) -> None:
    root = checked(kml.engagement(snapshot(site(latitude=latitude, longitude=longitude))))
    for ring in texts(root, ".//k:LinearRing/k:coordinates"):
        longitudes = [float(place.split(",")[0]) for place in ring.split()]
        assert max(longitudes) - min(longitudes) < 90, "a column must not go round the globe"
    checked(kml.tour([site(latitude=latitude, longitude=longitude)]))


def test_a_site_without_coordinates_is_left_out() -> None:
    assert not texts(checked(kml.engagement(snapshot(site(latitude=None, longitude=None)))), ".//k:Placemark")


def test_the_tour_flies_to_each_site() -> None:
    root = checked(kml.tour([site(), site("chicago", 41.9, -87.6)]))
    assert texts(root, ".//gx:Tour/k:name") == ["Headcount"]
    assert texts(root, ".//gx:FlyTo/k:LookAt/k:longitude") == ["-122.300000", "-87.600000"]
    checked(kml.tour([]))


@pytest.mark.parametrize("of", range(1, 9))
def test_the_legend_is_leftmost_and_the_totals_are_rightmost(of: int) -> None:
    for screen in screens(of):
        root = checked(kml.slave(screen.number, of, legend="http://a/l.png", totals="http://a/t.png"))
        assert root.find("k:Document", N).get("id") == f"slave_{screen.number}"
        shown = texts(root, ".//k:href")
        expected = ["http://a/l.png"] * (screen.position == 0) + ["http://a/t.png"] * (screen.position == of - 1)
        assert shown == expected
    with pytest.raises(ValueError, match="no screen"):
        kml.slave(of + 1, of, legend="", totals="")


def test_a_flight_is_one_line_without_a_namespace() -> None:
    line = kml.look_at_line(site())
    assert line.startswith("<LookAt><longitude>-122.300000</longitude><latitude>47.600000</latitude>")
    assert "\n" not in line
    assert "&" not in line


@pytest.mark.usefixtures("at_half_past", "past")
class TestAddresses:
    """The documents as a rig asks for them."""

    def test_the_link_leads_to_the_columns_of_the_tokens_sites(self, token: str) -> None:
        link = fetch(reverse("wall-link", args=[token])).findtext(".//k:href", namespaces=N)
        assert link == "http://testserver" + reverse("wall-engagement", args=[token])
        assert texts(fetch(link), ".//k:Folder/k:name") == ["Seattle"]
        assert Client().get(link)["Access-Control-Allow-Origin"] == "*", "so that a script of Cesium can read it"
        assert len(fetch(reverse("wall-tour", args=[token])).findall(".//gx:FlyTo", N)) == 1

    def test_the_overlays_are_pictures(self, token: str) -> None:
        for number, name in ((3, "wall-legend"), (2, "wall-totals")):
            address = fetch(reverse("wall-slave", args=[token, 3, number])).findtext(".//k:href", namespaces=N)
            assert address == "http://testserver" + reverse(name, args=[token])
            answer = Client().get(address)
            assert answer["ETag"]
            assert answer["Access-Control-Allow-Origin"] == "*", "so that Cesium can draw it"
            assert Image.open(io.BytesIO(answer.content)).format == "PNG"
            assert Client().get(reverse(name, args=["nonsense"])).status_code == 404

    def test_an_unknown_token_is_an_empty_document(self) -> None:
        assert not texts(fetch(reverse("wall-engagement", args=["nonsense"])), ".//k:Folder/k:name")

    def test_a_deleted_token_gets_nothing_it_had(self, token: str, set_clock: SetClock) -> None:
        address = reverse("wall-engagement", args=[token])
        assert texts(fetch(address), ".//k:Folder/k:name")
        WallToken.objects.all().delete()
        set_clock(NOW + dt.timedelta(minutes=1))
        assert not texts(fetch(address), ".//k:Folder/k:name")

    def test_while_the_database_is_away_the_last_good_document_stays(
        self, token: str, set_clock: SetClock, monkeypatch: Any
    ) -> None:
        address = reverse("wall-engagement", args=[token])
        good = Client().get(address).content
        set_clock(NOW + dt.timedelta(minutes=1))

        def away(*_: object, **__: object) -> None:
            raise DatabaseError("the database is away")

        monkeypatch.setattr("django.core.cache.backends.db.DatabaseCache.get", away)
        assert Client().get(address).content == good
        monkeypatch.setattr(Site.objects, "filter", away)
        assert Client().get(address).content == good
        never_requested = fetch(reverse("wall-tour", args=[token]))
        assert not texts(never_requested, ".//gx:Tour")
