"""What numbers, states and boxes mean, in words."""

from faces.models import Capture, Shows, Sighting, State

LIKENESS = ((0.8, "very like"), (0.65, "much like"), (0.0, "like enough"))
"""Words for the similarity to the enrolled face, from these values on.

Local: 1 minus the distance of two embeddings, of which 0.5 counts as one person. Over 0.65 lie the pictures of one
person in the same light, over 0.8 nearly the same picture.
"""

STATES = {
    State.QUEUED: "Waits to be recognised",
    State.WORKING: "Is being recognised",
    State.WAITING: "Waits for the recogniser’s next month",
    State.LINKED: "Is not fetched from its bucket yet",
}


def likeness(sighting: Sighting) -> str:
    """Return how much the face is like the person's enrolled face; "" without a person or a comparison."""
    if sighting.person_id is None or sighting.similarity is None:
        return ""
    return next(word for least, word in LIKENESS if sighting.similarity >= least)


def of_capture(capture: Capture) -> str:
    """Return what was recognised in the picture, as a short sentence without a full stop."""
    if capture.state == State.FAILED:
        return "Could not be recognised"
    if capture.state in STATES:
        return STATES[State(capture.state)]
    sightings = list(capture.sightings.all())
    names = sorted({sighting.person.name for sighting in sightings if sighting.person is not None})
    strangers = sum(sighting.person is None for sighting in sightings)
    parts = [*names, *([_many(strangers, "face nobody knows", "faces nobody knows")] if strangers else [])]
    cups = [_many(capture.cups, "cup", "cups")] if capture.cups else []
    return ", ".join([*parts, *cups]) or "Nobody, no cup"


def what_it_shows(capture: Capture) -> str:
    return "The camera’s whole view" if capture.shows == Shows.FRAME else "A cut-out around one face"


def _many(count: int, one: str, more: str) -> str:
    return f"{count} {one if count == 1 else more}"
