"""What a device's notice says, made from the settings that are in force. Upper floors register further statements."""

from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.db.models import Exists, OuterRef

from devices.models import Device, Site
from devices.rules.terms import days, hours
from faces.models import Capture, FeelingsConfirmation, Mode, SitePolicy
from faces.people.feelings import SMALLEST_GROUP
from faces.recognisers.recogniser import configured_class

LOOKS, KEEPS, ASK = "looks", "keeps", "ask"

GROUPS = {LOOKS: "What the camera looks for", KEEPS: "What is kept, and for how long", ASK: "Whom you can ask"}
"""The titles of a notice's parts, in their order."""


@dataclass(frozen=True, slots=True)
class Statement:
    """One sentence of a notice."""

    group: str
    key: str
    """A name for programs, such as “pictures-kept”."""
    text: str
    hours: int | None = None
    """For programs: the term of what is kept."""


Source = Callable[[Site], Iterable[Statement]]

_sources: list[Source] = []


def register_statements(source: Source) -> None:
    """Have every notice say what this function returns for its device's site."""
    if source not in _sources:
        _sources.append(source)


@dataclass(frozen=True, slots=True)
class _OfSite:
    """What all notices of a site are made from."""

    policy: SitePolicy
    counts_expressions: bool
    further: list[Statement]


def statements(device: Device) -> list[dict[str, Any]]:
    """Return the statements of the device's notice for a column of JSON, by group. Contains no time."""
    return statements_of([device])[device.pk]


def statements_of(devices: Collection[Device]) -> dict[int, list[dict[str, Any]]]:
    """Return the statements of each device by its primary key. Makes one query for all, and a few for each site."""
    sites = {device.site_id: device.site for device in devices}
    of_sites = {pk: _read(site) for pk, site in sites.items()}
    among = Device.objects.filter(pk__in=[device.pk for device in devices])
    with_pictures = among.filter(Exists(Capture.objects.filter(device=OuterRef("pk"))))
    has_pictures = set(with_pictures.values_list("pk", flat=True))
    return {device.pk: _told(device, of_sites[device.site_id], device.pk in has_pictures) for device in devices}


def _read(site: Site) -> _OfSite:
    policy = SitePolicy.objects.filter(site=site).first() or SitePolicy(site=site)
    counts = configured_class().detects_emotions and FeelingsConfirmation.objects.filter(site=site).exists()
    return _OfSite(policy, counts, [statement for source in _sources for statement in source(site)])


def _told(device: Device, of_site: _OfSite, has_pictures: bool) -> list[dict[str, Any]]:
    said = [*_own(device, of_site, has_pictures), *of_site.further]
    return [
        {"group": group, "key": each.key, "text": each.text, **({"hours": each.hours} if each.hours else {})}
        for group in GROUPS
        for each in said
        if each.group == group
    ]


def _own(device: Device, of_site: _OfSite, has_pictures: bool) -> Iterator[Statement]:
    policy, state = of_site.policy, device.latest_state
    reported: dict[str, Any] = (state.reported_config if state is not None else None) or {}
    yield from _looks(device, reported)
    yield from _faces(of_site)
    yield from _pictures(policy, has_pictures or bool(reported.get("picture")))
    yield Statement(
        KEEPS,
        "counts",
        "Numbers are kept: how many people were there and for how long. A number names nobody, and no face is kept "
        "for it.",
    )
    yield Statement(
        KEEPS,
        "single-looks",
        f"The single looks behind the numbers are deleted after {days(settings.FRAME_RETENTION_DAYS)}.",
        settings.FRAME_RETENTION_DAYS * 24,
    )
    yield Statement(
        ASK,
        "contact",
        f"Ask {policy.contact}." if policy.contact else f"Ask the staff of {device.site}.",
    )
    yield Statement(
        ASK, "rights", "You may see what is kept about you, have it corrected, withdraw your consent, and be erased."
    )


def _looks(device: Device, reported: dict[str, Any]) -> Iterator[Statement]:
    detectors = reported.get("detectors")
    if "faces" in detectors if detectors is not None else device.faces_sought is not False:
        yield Statement(LOOKS, "faces", "Whether faces are there, how many, and whether they look at the display.")
    if reported.get("bodies"):
        yield Statement(LOOKS, "bodies", "Whether people pass by, also those who do not look.")
    if "gestures" in detectors if detectors is not None else bool(device.labels_sought):
        yield Statement(LOOKS, "gestures", "Gestures of hands, such as a thumb up.")
    if detectors is not None and "objects" in detectors:
        yield Statement(LOOKS, "cups", "Cups in hands.")
    yield Statement(LOOKS, "no-sound", "No sound is recorded.")


def _faces(of_site: _OfSite) -> Iterator[Statement]:
    policy = of_site.policy
    amazon = " Amazon Web Services compares the faces." if configured_class().name == "rekognition" else ""
    match Mode(policy.mode):
        case Mode.OFF:
            yield Statement(LOOKS, "nobody-recognised", "Nobody is recognised. A face is counted, and not compared.")
        case Mode.ENROLLED:
            text = "People who have agreed in writing are recognised and greeted. Nobody else is."
            yield Statement(LOOKS, "enrolled-recognised", text + amazon)
        case Mode.EVERYONE:
            yield Statement(
                LOOKS,
                "everyone-recognised",
                "Whoever comes is recognised when they come again, as a guest with a number, not with a name." + amazon,
            )
            yield Statement(
                KEEPS, "guests", f"Guests are forgotten after {days(policy.guest_days)}.", policy.guest_days * 24
            )
    if policy.mode != Mode.OFF:
        yield Statement(
            KEEPS,
            "people",
            f"People who agreed are erased when no camera has seen them for {days(policy.unseen_days)}, when the term "
            "of their consent is over, and at once when they ask for it.",
            policy.unseen_days * 24,
        )
    if of_site.counts_expressions:
        yield Statement(
            LOOKS,
            "expressions",
            f"Expressions of faces are counted by the quarter hour, where at least {SMALLEST_GROUP} people came. They "
            "are kept with nobody.",
        )
    else:
        yield Statement(LOOKS, "no-expressions", "Nobody's feelings are guessed.")


def _pictures(policy: SitePolicy, are_kept: bool) -> Iterator[Statement]:
    if not are_kept:
        yield Statement(KEEPS, "no-pictures", "No pictures are kept.")
        return
    yield Statement(
        KEEPS,
        "pictures",
        f"The camera takes pictures of people before it. They are deleted after {hours(policy.kept_hours)}, and "
        f"pictures of a single face that nobody knows after {hours(policy.unmatched_hours)}.",
        policy.kept_hours,
    )
