"""Creates the demo's two sites with three cameras, and the people who are enrolled at one of the sites."""

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass

from django.contrib.auth.models import User

from demo.camera_profiles import PROFILES
from demo.cameras import people
from demo.cameras.dialects import BUCKET
from demo.cameras.photographs import Picture, photograph
from demo.running.environment import DemoError
from devices.models import Site
from devices.rules.roles import Role
from devices.services import add_member, register_device, register_site
from edge_agent.pictures.encoding import jpeg
from edge_agent.vision.gestures import THUMBS_UP
from faces.models import Consent, ConsentTemplate, Face, Method, Mode, Person
from faces.people.consent_texts import PROPOSAL, publish_text
from faces.recognisers.recogniser import RecogniserUnavailable
from faces.services import EnrolmentRefused, create_person, enrol, record_consent, set_policy
from notifications.letters.services import add_reader
from notifications.models import ChannelKind, Kind, Rule, Unit
from notifications.rules.services import save_rule
from notifications.sending.services import add_channel


@dataclass(frozen=True)
class Place:
    """A site and its position in degrees north and east."""

    name: str
    latitude: float
    longitude: float


PLACES = (Place("Seattle", 47.6062, -122.3321), Place("Chicago", 41.8781, -87.6298))

PERSON = "Eileen Collins (demo)"
PERSON_LINE = "In NASA's portrait"
PORTRAIT = "astronaut"
"""Name of the person's photograph in `skimage.data`."""

GUESTS = {3: "Java", 1: "Mocha", 4: "Bourbon", 7: "Typica", 6: "Caturra", 9: "Maragogype"}
"""The other people who are enrolled, by their number among `people.heads`. They are named after coffees."""

ENROLLED_AT = "Seattle"
"""The site at which the people are enrolled. At the other site the same faces count as anonymous coffees."""

CONSENT_TEXT = (
    "This record stands for a consent in the demonstration. The portrait is NASA's, in the public domain, and comes "
    "with scikit-image, or comes with the npm package @vladmandic/face-api under the MIT licence; the face is "
    "recognised in pictures that are composed from it, and nowhere else."
)
CONSENT_VERSION = "demo-1"
CONSENT_TERM = dt.timedelta(days=365)


def create_sites(owner: User, now: dt.datetime) -> None:
    """Create the sites, devices and the person where they are missing, and turn on recognition for `owner`.

    Raises `DemoError` where the person cannot be enrolled.
    """
    sites = {place.name: _register_site(place) for place in PLACES}
    for profile in PROFILES:
        device = register_device(site=sites[profile.site], name=profile.name, thing_name=profile.thing)
        device.thing.bucket = BUCKET
        device.thing.save(update_fields=["bucket"])
        # Otherwise a DeepLens that has shown no face yet would leave open whether an empty record means nobody.
        device.faces_sought = True
        device.save(update_fields=["faces_sought"])
    for site in sites.values():
        add_member(site=site, user=owner, role=Role.OWNER)
        set_policy(site=site, mode=Mode.ENROLLED, confirmed_by=owner, now=now)
        _tell(site, owner)
        _offer_text(site, owner, now)
    try:
        for name, line, picture in _portraits():
            _enrol(sites[ENROLLED_AT], name, line, picture, now)
    except (EnrolmentRefused, RecogniserUnavailable, RuntimeError) as error:
        raise DemoError(f"The demo's people cannot be enrolled: {error}") from error


def _tell(site: Site, owner: User) -> None:
    """Have thumbs, coffees and cameras told, and letters sent. The inbox keeps it all: nothing leaves the machine."""
    if Rule.objects.filter(site=site).exists():
        return
    inbox, _ = add_channel(site=site, kind=ChannelKind.INBOX, name="This page", address="")
    thanks = ["{hashtag} says thanks for the thumbs-up!", "A thumbs-up at {device}, {time}. Thank you!"]
    for rule in (
        Rule(site=site, kind=Kind.LABEL, label=THUMBS_UP, texts=thanks, cool_down_s=60),
        Rule(site=site, kind=Kind.COFFEE, every_nth=10),
        Rule(site=site, kind=Kind.CAMERA_BACK),
    ):
        save_rule(rule=rule, channels=[inbox], by=owner)
    on_call, _ = add_channel(site=site, kind=ChannelKind.INBOX, name="On call", address="")
    off = Rule(site=site, kind=Kind.CAMERA_OFF, escalate_after_min=15)
    save_rule(rule=off, channels=[inbox], escalate_to=[on_call], by=owner)
    add_reader(site=site, unit=Unit.WEEK, address="facility@example.com", by=owner)


def _offer_text(site: Site, owner: User, now: dt.datetime) -> None:
    """Put the proposed consent text in force, so that the consent desk can be tried."""
    if not ConsentTemplate.objects.filter(site=site).exists():
        publish_text(site=site, method=Method.ELECTRONIC, term_days=CONSENT_TERM.days, by=owner, now=now, **PROPOSAL)


def _register_site(place: Place) -> Site:
    zone = next(profile.zone for profile in PROFILES if profile.site == place.name)
    return register_site(
        name=place.name,
        slug=place.name.lower(),
        timezone=zone.key,
        latitude=place.latitude,
        longitude=place.longitude,
    )


def _portraits() -> Iterator[tuple[str, str, Picture]]:
    """Yield name, line and portrait of those to enrol."""
    yield PERSON, PERSON_LINE, photograph(PORTRAIT)
    for number, name in GUESTS.items():
        if number < len(people.heads()):
            yield f"{name} (demo)", "A guest of the demo", people.portrait_photograph(number)


def _enrol(site: Site, name: str, line: str, picture: Picture, now: dt.datetime) -> None:
    person = Person.objects.filter(site=site, name=name).first()
    person = person or create_person(site=site, name=name, line=line)
    if not Face.objects.consented(now).filter(consent__person=person).exists():
        enrol(person=person, consent=_consent(person, now), jpeg=jpeg(picture)[0], now=now)


def _consent(person: Person, now: dt.datetime) -> Consent:
    return person.consents.valid(now).first() or record_consent(
        person=person,
        text=CONSENT_TEXT,
        text_version=CONSENT_VERSION,
        method=Method.ELECTRONIC,
        signed_by="The demonstration",
        signed_at=now,
        expires_at=now + CONSENT_TERM,
        now=now,
    )
