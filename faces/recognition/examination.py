"""Asking a recogniser what a capture shows. All that is written down here is that a stranger is being indexed."""

import datetime as dt
import logging
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field

from devices.models import Site
from edge_agent.messages import Box
from faces.models import Capture, Mode, Person, UnclaimedFace
from faces.people.policies import loaded_mode
from faces.pictures import storage
from faces.recognisers.recogniser import Detections, IndexedFace, Match, Recogniser, UnusablePicture, collection_of
from faces.recognition.gallery import SiteGallery
from faces.recognition.pairing import holders

log = logging.getLogger(__name__)


@dataclass(slots=True)
class Findings:
    """What a recogniser said about a picture; faces by their index in `seen`."""

    detections: Detections
    mode: Mode
    """What the site did with faces when the recogniser was asked."""
    holding: set[int]
    matches: dict[int, Match] = field(default_factory=dict)
    people: dict[int, Person] = field(default_factory=dict)
    """Filled in when everything is written down."""
    guests: dict[int, IndexedFace] = field(default_factory=dict)
    """Strangers whom the recogniser knows from now on."""
    notes: list[str] = field(default_factory=list)
    """The notes of the rows that say so."""


def examine(capture: Capture, now: dt.datetime, recogniser: Recogniser) -> Findings:
    """Who and what the capture shows. While the site's policy is `off` nobody is searched for.

    Raises as the recogniser does, and `FileNotFoundError` without a picture; no stranger stays known to it then.
    """
    jpeg = storage.read(capture)
    site, mode = capture.device.site, loaded_mode(capture.device.site)
    detections = recogniser.detect(jpeg)
    held = holders([face.box for face in detections.faces], [cup.box for cup in detections.cups])
    findings = Findings(detections, mode, {face for face in held if face is not None})
    if mode == Mode.OFF or not detections.faces:
        return findings
    try:
        _search(findings, jpeg, site, now, recogniser)
        if mode == Mode.EVERYONE:
            _index_strangers(findings, jpeg, site, now, recogniser)
    except BaseException:
        dismiss(findings, site, recogniser)
        raise
    return findings


def dismiss(findings: Findings, site: Site, recogniser: Recogniser) -> None:
    """Have the strangers forgotten after all. During an outage it is left to `forget_unclaimed`."""
    if not findings.guests:
        return
    try:
        ids = [guest.provider_id for guest in findings.guests.values()]
        recogniser.forget(ids, collection=collection_of(site.pk))
        UnclaimedFace.objects.filter(note__in=findings.notes).delete()
    except Exception:
        log.exception("%d faces of strangers at %s are not forgotten yet; it is tried again.", len(ids), site)


def resolve(findings: Findings, site: Site, now: dt.datetime, recogniser: Recogniser) -> None:
    """Whose the matched faces are at this moment: since the search people were merged, consents were withdrawn."""
    gallery = SiteGallery(site=site, provider=recogniser.name, now=now)
    faces = gallery.faces({match.provider_id for match in findings.matches.values()})
    owners = {name: face.person for name, face in faces.items()}
    matches = {index: match for index, match in findings.matches.items() if match.provider_id in owners}
    findings.people = _each_once({index: owners[match.provider_id] for index, match in matches.items()}, matches)


def _search(findings: Findings, jpeg: bytes, site: Site, now: dt.datetime, recogniser: Recogniser) -> None:
    gallery = SiteGallery(site=site, provider=recogniser.name, now=now, with_guests=findings.mode == Mode.EVERYONE)
    boxes = [face.box for face in findings.detections.faces]
    matches = recogniser.identify(jpeg, boxes, collection=collection_of(site.pk), gallery=gallery)
    findings.matches = {index: match for index, match in enumerate(matches) if match is not None}


def _index_strangers(findings: Findings, jpeg: bytes, site: Site, now: dt.datetime, recogniser: Recogniser) -> None:
    for index in sorted(findings.holding - findings.matches.keys()):
        try:
            findings.guests[index] = _index(findings, jpeg, findings.detections.faces[index].box, site, now, recogniser)
        except UnusablePicture as error:
            log.info("A stranger stays anonymous: %s", error)


def _index(
    findings: Findings, jpeg: bytes, face: Box, site: Site, now: dt.datetime, recogniser: Recogniser
) -> IndexedFace:
    """Noted before it is asked for, so that a worker that is killed meanwhile leaves nobody known without a trace."""
    note, collection = uuid.uuid4().hex, collection_of(site.pk)
    UnclaimedFace.objects.create(note=note, provider=recogniser.name, collection=collection, since=now)
    findings.notes.append(note)
    return recogniser.index(jpeg, face, collection=collection, note=note)


def _each_once(people: Mapping[int, Person], matches: Mapping[int, Match]) -> dict[int, Person]:
    """Nobody is twice in one picture: of several faces that match a person, the most similar one is theirs."""
    best: dict[int, int] = {}
    for index in sorted(people, key=lambda index: -matches[index].similarity):
        best.setdefault(people[index].pk, index)
    return {index: people[index] for index in best.values()}
