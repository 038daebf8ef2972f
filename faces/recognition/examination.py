"""Detects and identifies what a capture shows. Stores nothing but notes about strangers being indexed."""

import datetime as dt
import logging
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field

from devices.models import Site
from edge_agent.messages import Box
from faces.models import Capture, Mode, Person, UnclaimedFace
from faces.people.feelings import may_read_expressions
from faces.people.policies import loaded_mode
from faces.pictures import storage
from faces.recognisers.recogniser import (
    Detections,
    IndexedFace,
    Match,
    ReadsExpressions,
    Recogniser,
    UnusablePicture,
    collection_of,
)
from faces.recognition.gallery import SiteGallery
from faces.recognition.pairing import match_cups
from faces.recognition.voting import Looks, elect, looks_at

log = logging.getLogger(__name__)

SMALLEST_GUEST = 45
"""Height of a face in pixels from which on a stranger becomes a guest. The embedding of a smaller face says too little:
the same stranger would become a new guest each time."""


@dataclass(slots=True)
class Findings:
    """The result of examining a capture. Faces are referred to by their index in `detections.faces`."""

    detections: Detections
    mode: Mode
    """The mode of the site's policy at the time of the examination."""
    holders: set[int]
    """The faces of those who hold a cup."""
    matches: dict[int, Match] = field(default_factory=dict)
    people: dict[int, Person] = field(default_factory=dict)
    """Empty until `resolve` fills it in the transaction that stores the sightings."""
    disputed: set[int] = field(default_factory=set)
    """Faces on which the frames do not agree: nobody's, and no guest's."""
    same_guests: list[tuple[str, str]] = field(default_factory=list)
    """Pairs of matched faces, by the recogniser's names, which one face was taken for in different frames."""
    guests: dict[int, list[IndexedFace]] = field(default_factory=dict)
    """Strangers whose faces the recogniser has indexed: the picture's, and those of the looks."""
    notes: list[str] = field(default_factory=list)
    """The notes of the `UnclaimedFace` rows of those strangers."""


def examine(capture: Capture, now: dt.datetime, recogniser: Recogniser) -> Findings:
    """Return who and what the capture shows. If the site's policy is `off`, nobody is identified.

    Raises the recogniser's exceptions, and `FileNotFoundError` without a picture. After an exception no stranger stays
    indexed.
    """
    jpeg = storage.read(capture)
    site, mode = capture.device.site, loaded_mode(capture.device.site)
    if isinstance(recogniser, ReadsExpressions) and may_read_expressions(capture):
        detections = recogniser.detect_with_emotions(jpeg)
    else:
        detections = recogniser.detect(jpeg)
    faces_with_cups = match_cups([face.box for face in detections.faces], [cup.box for cup in detections.cups])
    findings = Findings(detections, mode, {face for face in faces_with_cups if face is not None})
    if mode == Mode.OFF or not detections.faces:
        return findings
    try:
        looks = looks_at(capture, detections)
        _search(findings, jpeg, looks, site, now, recogniser)
        if mode == Mode.EVERYONE:
            _index_strangers(findings, jpeg, looks, site, now, recogniser)
    except BaseException:
        dismiss(findings, site, recogniser)
        raise
    return findings


def dismiss(findings: Findings, site: Site, recogniser: Recogniser) -> None:
    """Make the recogniser forget the strangers again; after an outage `forget_unclaimed_faces` does so later."""
    if not findings.guests:
        return
    try:
        ids = [face.provider_id for faces in findings.guests.values() for face in faces]
        recogniser.forget(ids, collection=collection_of(site.pk))
        UnclaimedFace.objects.filter(note__in=findings.notes).delete()
    except Exception:
        log.exception("%d faces of strangers at %s are not forgotten yet; this is tried again later.", len(ids), site)


def resolve(findings: Findings, site: Site, now: dt.datetime, recogniser: Recogniser) -> None:
    """Set `people` from the database: since the search, people may be merged and consents withdrawn."""
    gallery = SiteGallery(site=site, provider=recogniser.name, now=now)
    faces = gallery.faces({match.provider_id for match in findings.matches.values()})
    owners = {name: face.person for name, face in faces.items()}
    matches = {index: match for index, match in findings.matches.items() if match.provider_id in owners}
    people = {index: owners[match.provider_id] for index, match in matches.items()}
    findings.people = _best_face_per_person(people, matches)


def _search(
    findings: Findings, jpeg: bytes, looks: Looks, site: Site, now: dt.datetime, recogniser: Recogniser
) -> None:
    """Find who the faces are. Where there are looks at a face in earlier frames, the frames vote."""
    gallery = SiteGallery(site=site, provider=recogniser.name, now=now, with_guests=findings.mode == Mode.EVERYONE)
    boxes = [face.box for face in findings.detections.faces]
    matches = recogniser.identify(jpeg, boxes, collection=collection_of(site.pk), gallery=gallery)
    for index, match in enumerate(matches):
        # Nobody is spoken of who is not matched; but a guest's face may match in the other frames alone.
        is_asked = match is not None or _may_be_guest(findings, index)
        frames = [match, *(looks.matches(index, gallery, site, recogniser) if is_asked else ())]
        elected = elect(frames, gallery)
        if elected.winner is not None:
            findings.matches[index] = elected.winner
        elif match is not None:
            findings.disputed.add(index)
        findings.same_guests += elected.same


def _may_be_guest(findings: Findings, index: int) -> bool:
    height = findings.detections.faces[index].box[3]
    return findings.mode == Mode.EVERYONE and index in findings.holders and height >= SMALLEST_GUEST


def _index_strangers(
    findings: Findings, jpeg: bytes, looks: Looks, site: Site, now: dt.datetime, recogniser: Recogniser
) -> None:
    """Index the strangers, each by the picture and by the looks, because three pictures are known again better."""
    for index in sorted(findings.holders - findings.matches.keys() - findings.disputed):
        if not _may_be_guest(findings, index):
            continue
        pictures = [(jpeg, findings.detections.faces[index].box), *looks.of(index, recogniser)]
        try:
            for picture, box in pictures:
                indexed = _index(findings, picture, box, site, now, recogniser)
                findings.guests.setdefault(index, []).append(indexed)
        except UnusablePicture as error:
            log.info("A stranger's face is not indexed, and stays anonymous: %s", error)


def _index(
    findings: Findings, jpeg: bytes, face: Box, site: Site, now: dt.datetime, recogniser: Recogniser
) -> IndexedFace:
    """Store the note before the face is indexed, so that a killed worker leaves no face without a record."""
    note, collection = uuid.uuid4().hex, collection_of(site.pk)
    UnclaimedFace.objects.create(note=note, provider=recogniser.name, collection=collection, since=now)
    findings.notes.append(note)
    return recogniser.index(jpeg, face, collection=collection, note=note)


def _best_face_per_person(people: Mapping[int, Person], matches: Mapping[int, Match]) -> dict[int, Person]:
    """Keep for each person only the most similar face, because nobody is twice in one picture."""
    best: dict[int, int] = {}
    for index in sorted(people, key=lambda index: -matches[index].similarity):
        best.setdefault(people[index].pk, index)
    return {index: people[index] for index in best.values()}
