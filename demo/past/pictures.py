"""Generates the pictures that the demo's agents took during a history, so that there are coffees to count.

A few scenes are composed from real photographs and sent repeatedly at different times. Recognition therefore finds
real faces and cups in the pictures, and the demo is prepared in seconds. The people of `SHARES` have their coffees in a
race. No picture is taken while somebody holds up a thumb, because the scenes show no hand: a picture beside a detection
must show what was detected.
"""

import base64
from collections.abc import Iterable, Iterator
from itertools import count

import numpy as np

from demo.cameras import people
from demo.cameras.scene import Scene
from demo.past.history import SECOND, History, Span, Visit, overlap
from demo.past.messages import SentMessage
from edge_agent import messages
from edge_agent.pictures.encoding import jpeg

SHARES = {0: 9, 3: 8, 1: 8, 4: 6, 7: 5, 6: 3, 9: 2}
"""Pictures of each person, a number among `people.heads`, per agent in a period. Fewer visitors give fewer pictures."""

APART_FROM_THUMBS = 3 * SECOND
"""Least time between a picture and a thumb: a picture is shown beside detections of up to two seconds around it."""

_SEARCH_INTERVAL = 45
"""Seconds between two searches of a scene for a person with a cup. It exceeds a visit, so that no two are alike."""

_POSE_TIME = 10 * SECOND
"""Time from the start of a visit to the picture."""

_FACE_CONFIDENCE = 0.9


def coffee_pictures(histories: Iterable[History]) -> list[SentMessage]:
    """Return the agents' pictures of visitors with a cup, in the order of time.

    The first picture of a room takes seconds, because the scene is composed then.
    """
    pictures = [sent for history in histories if history.profile.protocol == "agent" for sent in _of(history)]
    return sorted(pictures, key=lambda sent: sent.sent_at)


def _of(history: History) -> Iterator[SentMessage]:
    moments = _moments(history)
    if not moments:
        return
    compositions = _compositions(history)
    poses = [number for number, pictures in SHARES.items() for _ in range(pictures)]
    order = np.random.default_rng((history.seed, *history.profile.thing.encode(), 3)).permutation(len(poses)).tolist()
    topic = messages.topic_from_device(history.profile.thing, "image")
    for place, taken_at in zip(order, moments, strict=False):
        image_string, faces = compositions[poses[place] % len(people.heads())]
        message_id = f"past-picture-{history.seed}-{taken_at}"
        # The area is left out, because in the history's frames people stand elsewhere than in these scenes.
        image = messages.Image(id=message_id, taken_at=taken_at, image_string=image_string, faces=faces)
        yield SentMessage(topic, messages.encode(image), taken_at)


def _moments(history: History) -> list[int]:
    """Return the times of the pictures: of visits with a cup, evenly chosen from all that the camera saw."""
    possible = [visit.started + _POSE_TIME for visit in history.visits if _poses(history, visit)]
    wanted = min(sum(SHARES.values()), len(possible))
    return [possible[number * len(possible) // wanted] for number in range(wanted)]


def _poses(history: History, visit: Visit) -> bool:
    taken_at = visit.started + _POSE_TIME
    if not visit.has_cup or taken_at >= visit.ended:
        return False
    on = any(span.started <= visit.started and taken_at < span.ended for span in history.on)
    around = Span(taken_at - APART_FROM_THUMBS, taken_at + APART_FROM_THUMBS)
    return on and not any(overlap(thumb, around) for thumb in (*history.thumbs, *history.thumbs_down))


def _compositions(history: History) -> dict[int, tuple[str, tuple[messages.Face, ...]]]:
    """Return for each person a JPEG (base64) of the person alone with a cup, with the face's box in its pixels."""
    scene, found = Scene(history.profile.room, history.seed), dict[int, tuple[str, tuple[messages.Face, ...]]]()
    wanted = {number % len(people.heads()) for number in SHARES}
    for at in count(history.period.started // SECOND, _SEARCH_INTERVAL):
        if found.keys() == wanted:
            return found
        there = scene.people_at(at)
        if len(there) == 1 and there[0].cup is not None and there[0].number in wanted - found.keys():
            encoded, scale = jpeg(scene.picture_at(at))
            left, top, width, height = (round(side * scale) for side in there[0].face)
            face = messages.Face(_FACE_CONFIDENCE, (left, top, width, height))
            found[there[0].number] = base64.b64encode(encoded).decode("ascii"), (face,)
    raise AssertionError("the visitors never end")
