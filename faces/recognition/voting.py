"""Lets several frames vote on whose a face is, before a name is spoken."""

import base64
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from devices.models import Site
from edge_agent.messages import Box
from faces.models import Capture
from faces.recognisers.recogniser import Detections, Match, Recogniser, UnusablePicture, collection_of
from faces.recognition.gallery import SiteGallery

SURE = 0.6
"""Similarity of two matches from which on they say that two guests are one. A wrong name is heard once, but two people
who are joined stay one: so more is asked than for a match."""


@dataclass(frozen=True, slots=True)
class Elected:
    """The result of a vote."""

    winner: Match | None
    """The most similar match of the person whom more than half of the frames show; None where there is no such."""
    same: list[tuple[str, str]] = field(default_factory=list)
    """Pairs of faces of different guests, by the recogniser's names, for whom frames of one face were taken."""


class Looks:
    """The looks at the faces of one capture. Each is decoded and searched at most once."""

    def __init__(self, jpegs: Mapping[int, Sequence[bytes]]) -> None:
        self._jpegs = jpegs
        self._found: dict[int, list[tuple[bytes, Box]]] = {}

    def of(self, index: int, recogniser: Recogniser) -> list[tuple[bytes, Box]]:
        """Return the looks at this face of the picture that show a face, with its box."""
        if index not in self._found:
            self._found[index] = list(self._shown(index, recogniser))
        return self._found[index]

    def matches(self, index: int, gallery: SiteGallery, site: Site, recogniser: Recogniser) -> Iterator[Match | None]:
        """Yield for each of these looks the most similar enrolled face, or None where there is none."""
        for jpeg, box in self.of(index, recogniser):
            yield recogniser.identify(jpeg, [box], collection=collection_of(site.pk), gallery=gallery)[0]

    def _shown(self, index: int, recogniser: Recogniser) -> Iterator[tuple[bytes, Box]]:
        for jpeg in self._jpegs.get(index, ()):
            try:
                boxes = [face.box for face in recogniser.detect(jpeg).faces]
            except UnusablePicture:
                continue
            if boxes:
                yield jpeg, max(boxes, key=lambda box: box[2] * box[3])


def looks_at(capture: Capture, detections: Detections) -> Looks:
    """Return the capture's looks by the index of the detected face at the place of the claimed one."""
    jpegs: dict[int, list[bytes]] = {}
    boxes = [face.box for face in detections.faces]
    for claimed, text in capture.looks:
        box = capture.claimed_faces[claimed]["box"] if claimed < len(capture.claimed_faces) else None
        shared = [_shared(each, box) for each in boxes] if box else []
        if any(shared):
            jpegs.setdefault(shared.index(max(shared)), []).append(base64.b64decode(text))
    return Looks(jpegs)


def elect(frames: Sequence[Match | None], gallery: SiteGallery) -> Elected:
    """Return who is shown by more than half of these frames of one face.

    Frames that show two different guests say that the two are one, and count for the one of most frames.
    """
    matches = [match for match in frames if match is not None]
    if not matches:
        return Elected(None)
    faces = gallery.faces({match.provider_id for match in matches})
    votes = [(faces[match.provider_id].person, match) for match in matches if match.provider_id in faces]
    counted = Counter(person.pk for person, _ in votes)
    guests = {person.pk for person, match in votes if person.is_unnamed_guest and match.similarity >= SURE}
    first = {person.pk: match for person, match in reversed(votes)}
    same = [(first[one], first[other]) for one, other in zip(sorted(guests), sorted(guests)[1:], strict=False)]
    support = sum(counted[pk] for pk in guests) if len(guests) > 1 else 0
    best, number = counted.most_common(1)[0] if counted else (0, 0)
    number = max(number, support) if best in guests else number
    if 2 * number <= len(frames):
        return Elected(None)
    winner = max((match for person, match in votes if person.pk == best), key=lambda match: match.similarity)
    return Elected(winner, [(one.provider_id, other.provider_id) for one, other in same])


def _shared(one: Box, other: Sequence[int]) -> int:
    across = min(one[0] + one[2], other[0] + other[2]) - max(one[0], other[0])
    down = min(one[1] + one[3], other[1] + other[3]) - max(one[1], other[1])
    return max(across, 0) * max(down, 0)
