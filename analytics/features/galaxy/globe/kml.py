"""The documents of Google Earth: OGC KML 2.2 with Google's tours. Pure: snapshots and addresses to bytes.

Coordinates are degrees, altitudes and lengths metres. Identifiers are computed from the data, so that Google Earth
updates the features that it already has.
"""

import datetime as dt
import math
from collections.abc import Iterable, Iterator, Sequence
from copy import deepcopy
from functools import lru_cache
from typing import Any, NamedTuple

from lxml import etree
from lxml.builder import ElementMaker

from analytics.features.galaxy.drawing.canvas import OFF
from analytics.features.galaxy.drawing.layout import screens
from analytics.features.galaxy.drawing.plots import RAMP
from analytics.features.galaxy.snapshots import EngagementSnapshot, SiteHours
from analytics.features.galaxy.time_slots import REFRESH_S
from analytics.numbers.measures import BucketState, EngagementBucket
from analytics.plots import texts
from analytics.verdicts.metrics import format_number
from devices.rules.text import printable

CONTENT_TYPE = "application/vnd.google-earth.kml+xml"
NAMESPACE = "http://www.opengis.net/kml/2.2"
GOOGLE = "http://www.google.com/kml/ext/2.2"

K = ElementMaker(namespace=NAMESPACE, nsmap={None: NAMESPACE, "gx": GOOGLE})
G = ElementMaker(namespace=GOOGLE, nsmap={None: NAMESPACE, "gx": GOOGLE})

TOUR_NAME = "Headcount"
RING_RADIUS = 500.0
COLUMN_SIDE = 90.0
METRES_A_PERSON = 300.0
FLAT = 4.0
"""Height of the column of an hour in which nobody was there or the camera was off."""

METRES_A_DEGREE = 111_320.0
"""Length of a degree of latitude, on a sphere of the Earth's mean radius."""

FARTHEST_LATITUDE = 89.9
"""Sites closer to a pole are moved here; a ring of some hundred metres would go around the pole."""

RANGE, TILT = 3_200.0, 58.0
FLY_S, WAIT_S = 6.0, 6.0

CACHED_COLUMNS = 8_192
"""The number of cached columns, enough for 300 sites; the column of an hour that is over does not change."""


class Spot(NamedTuple):
    """A site and the coordinates where it is drawn, in degrees."""

    slug: str
    name: str
    latitude: float
    longitude: float


Element = Any
"""An lxml element; lxml has no types."""


def empty() -> bytes:
    """Return a valid document that shows nothing."""
    return _document("headcount")


def link(addresses: Iterable[str]) -> bytes:
    """Return links to these addresses with a refresh interval of a time slot, which `kmls.txt` itself cannot set."""
    links = (
        K.NetworkLink(
            {"id": f"link-{number}"},
            K.name("Headcount"),
            K.Link(K.href(address), K.refreshMode("onInterval"), K.refreshInterval(str(REFRESH_S))),
        )
        for number, address in enumerate(addresses, start=1)
    )
    return _document("headcount", K.name("Headcount"), *links)


def engagement(snapshot: EngagementSnapshot) -> bytes:
    """Return a ring of columns around each site, one per hour; sites without coordinates are left out."""
    root = K.kml(K.Document({"id": "engagement"}, K.name("People facing the displays"), *_styles()))
    for site in on_the_globe(snapshot.sites):
        _add_site(root[0], site, snapshot)
    return _serialise(root)


def tour(sites: Sequence[SiteHours]) -> bytes:
    """Return a tour named `TOUR_NAME` from site to site."""
    steps: list[Element] = []
    for site in on_the_globe(sites):
        steps.append(G.FlyTo(G.duration(f"{FLY_S:g}"), G.flyToMode("bounce"), _look_at(site)))
        steps.append(G.Wait(G.duration(f"{WAIT_S:g}")))
    return _document("tours", K.name("Headcount"), G.Tour({"id": "tour"}, K.name(TOUR_NAME), G.Playlist(*steps)))


def tour_seconds(sites: int) -> float:
    """Return how long a tour of so many sites takes."""
    return sites * (FLY_S + WAIT_S)


def slave(number: int, of: int, *, legend: str, totals: str) -> bytes:
    """Return the overlays of one screen: the legend on the leftmost, the totals on the rightmost.

    `legend` and `totals` are the addresses of their pictures. Raises `ValueError` where there is no such screen.
    """
    screen = next((screen for screen in screens(of) if screen.number == number), None)
    if screen is None:
        raise ValueError(f"A wall of {of} screens has no screen {number}.")
    overlays = [_overlay("legend", "Legend", legend, x=0.03)] if screen.position == 0 else []
    if screen.position == of - 1:
        overlays.append(_overlay("totals", "Totals", totals, x=0.97, y=0.03 if of == 1 else 0.97))
    return _document(f"slave_{number}", K.name(f"Headcount on screen {number}"), *overlays)


def look_at_line(site: SiteHours) -> str:
    """Return the view of a site as one line, the form that `queries.txt` takes after `flytoview=`."""
    view = _look_at(site)
    etree.cleanup_namespaces(view)
    text: str = etree.tostring(view, encoding="unicode")
    return text.replace(f' xmlns="{NAMESPACE}"', "")


def on_the_globe(sites: Iterable[SiteHours]) -> Iterator[SiteHours]:
    """Return the sites that have coordinates."""
    return (site for site in sites if site.latitude is not None and site.longitude is not None)


def _document(name: str, *children: Element) -> bytes:
    return _serialise(K.kml(K.Document({"id": name}, *children)))


def _serialise(document: Element) -> bytes:
    text: bytes = etree.tostring(document, xml_declaration=True, encoding="UTF-8")
    return text


def _styles() -> Iterator[Element]:
    for number, colour in enumerate(RAMP):
        yield _style(f"people-{number}", _abgr(colour, "e6"))
    yield _style("nobody", _abgr(RAMP[0], "a0"))
    yield _style("off", _abgr(OFF, "a0"))


def _style(name: str, colour: str) -> Element:
    return K.Style(
        {"id": name}, K.LineStyle(K.color(colour), K.width("1")), K.PolyStyle(K.color(colour), K.outline("0"))
    )


def _abgr(colour: str, alpha: str) -> str:
    """Return the colour #rrggbb in KML's form, aabbggrr."""
    return alpha + colour[5:7] + colour[3:5] + colour[1:3]


def _add_site(document: Element, site: SiteHours, snapshot: EngagementSnapshot) -> None:
    spot = _spot(site)
    folder = _add(document, "Folder", id=f"site-{site.slug}")
    hour_now, total = site.hour_at(snapshot.at), site.total
    words = [
        f"{format_number('{:.1f}', hour_now.average_faces if hour_now else None)} people on average this hour",
        f"{format_number('{:,}', total.known_peak)} at most within 24 hours",
        f"{site.live} of {site.cameras} cameras live",
    ]
    top = max((hour.average_faces or 0.0 for hour in site.hours), default=0.0) or 1.0
    first = site.hours[0].start.hour if site.hours else 0
    _add(folder, "name", site.name)
    folder.append(_look_at(site))
    label = _add(folder, "Placemark", id=f"name-{site.slug}")
    _add(label, "name", site.name)
    _add(label, "description", ", ".join(words))
    _add(_add(label, "Point"), "coordinates", _place(spot, 0, 0, 0))
    for number, hour in enumerate(site.hours):
        folder.append(deepcopy(_column(spot, hour, 2 * math.pi * (first + number) / len(site.hours), top)))


@lru_cache(maxsize=CACHED_COLUMNS)
def _column(spot: Spot, hour: EngagementBucket, bearing: float, top: float) -> Element:
    """Return the column of an hour at its place on the dial of 24 hours: midnight in the north, noon in the south.

    The element is cached: copy it before you insert it into a document.
    """
    average = hour.average_faces or 0.0
    column = etree.Element(f"{{{NAMESPACE}}}Placemark", id=f"hour-{spot.slug}-{int(hour.start.timestamp())}")
    _add(column, "name", f"{spot.name}, {texts.format_bucket(hour)}")
    span = _add(column, "TimeSpan")
    _add(span, "begin", _instant(hour.start))
    _add(span, "end", _instant(hour.end))
    _add(column, "styleUrl", "#" + _style_of(hour, average / top))
    data = _add(column, "ExtendedData")
    for name, value in _data(hour).items():
        _add(_add(data, "Data", name=name), "value", value)
    polygon = _add(column, "Polygon")
    _add(polygon, "extrude", "1")
    _add(polygon, "altitudeMode", "relativeToGround")
    ring = _add(_add(polygon, "outerBoundaryIs"), "LinearRing")
    _add(ring, "coordinates", _square(spot, bearing, max(FLAT, average * METRES_A_PERSON)))
    return column


def _add(parent: Element, tag: str, text: str | None = None, /, **attributes: str) -> Element:
    """Append a child and return it; for thousands of elements, five times as fast as the element makers."""
    child = etree.SubElement(parent, f"{{{NAMESPACE}}}{tag}", attributes)
    child.text = text
    return child


def _style_of(hour: EngagementBucket, share: float) -> str:
    state = hour.state
    if state is BucketState.PEOPLE:
        return f"people-{min(len(RAMP) - 1, int(share * len(RAMP)))}"
    return "nobody" if state is BucketState.NOBODY else "off"


def _data(hour: EngagementBucket) -> dict[str, str]:
    return {
        "state": str(hour.state),
        "average_faces": "" if hour.average_faces is None else f"{hour.average_faces:.3f}",
        "peak_faces": str(hour.faces_peak) if hour.frames else "",
        "frames": str(hour.frames),
        "coverage": f"{hour.coverage:.3f}",
    }


def _square(spot: Spot, bearing: float, height: float) -> str:
    """Return a closed anticlockwise square; its centre lies at this bearing, in radians clockwise from north."""
    east, north = RING_RADIUS * math.sin(bearing), RING_RADIUS * math.cos(bearing)
    half = COLUMN_SIDE / 2
    corners = [(-half, -half), (half, -half), (half, half), (-half, half), (-half, -half)]
    return " ".join(_place(spot, east + x, north + y, height) for x, y in corners)


def _place(spot: Spot, east: float, north: float, height: float) -> str:
    """Return the place so many metres from the spot in KML's form: longitude, latitude, height."""
    shrink = math.cos(math.radians(spot.latitude))
    longitude = spot.longitude + east / METRES_A_DEGREE / shrink
    return f"{longitude:.6f},{spot.latitude + north / METRES_A_DEGREE:.6f},{height:.1f}"


def _spot(site: SiteHours) -> Spot:
    """Return the centre of the site's ring; a site at a pole or the date line is moved, so that no column is torn."""
    latitude = max(-FARTHEST_LATITUDE, min(FARTHEST_LATITUDE, site.latitude or 0.0))
    room = (RING_RADIUS + COLUMN_SIDE) / METRES_A_DEGREE / math.cos(math.radians(latitude))
    # A name from before names were checked could make the document invalid for every site.
    return Spot(site.slug, printable(site.name), latitude, max(room - 180, min(180 - room, site.longitude or 0.0)))


def _look_at(site: SiteHours) -> Element:
    spot = _spot(site)
    return K.LookAt(
        K.longitude(f"{spot.longitude:.6f}"),
        K.latitude(f"{spot.latitude:.6f}"),
        K.altitude("0"),
        K.heading("0"),
        K.tilt(f"{TILT:g}"),
        K.range(f"{RANGE:g}"),
        K.altitudeMode("relativeToGround"),
    )


def _overlay(name: str, words: str, address: str, *, x: float, y: float = 0.97) -> Element:
    """Return a picture in a corner of the screen, two thirds as wide as the screen, refreshed in each time slot."""
    place = {"xunits": "fraction", "yunits": "fraction"}
    side, top = str(round(x)), str(round(y))
    return K.ScreenOverlay(
        {"id": name},
        K.name(words),
        K.Icon(K.href(address), K.refreshMode("onInterval"), K.refreshInterval(str(REFRESH_S))),
        K.overlayXY({"x": side, "y": top, **place}),
        K.screenXY({"x": str(x), "y": str(y), **place}),
        K.size({"x": "0.66", "y": "0", **place}),
    )


def _instant(moment: dt.datetime) -> str:
    return moment.astimezone(dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
