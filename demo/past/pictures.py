"""The pictures that the demo's agents took in the past that a history tells, so that there are coffees to count.

A few scenes are composed from real photographs and sent again and again at other times: recognition finds real faces
and cups in them, and preparing a demo does not take minutes.
"""

import base64
from collections.abc import Iterable, Iterator
from itertools import count, islice

from demo.cameras.scene import Person, Scene
from demo.past.history import SECOND, History, Visit
from demo.past.messages import Sent
from edge_agent import messages
from edge_agent.pictures.encoding import jpeg

PICTURES = 20
"""Pictures per agent in a period, or fewer where fewer visitors brought a cup."""

_COMPOSITIONS = 4
"""Different scenes per agent."""

_LOOK_EVERY = 45
"""Seconds of a scene between two looks for a person with a cup; longer than a visit, so that no two are alike."""

_POSES_FOR = 10 * SECOND
"""How long somebody stands there before the picture is taken."""

_FACE_CONFIDENCE = 0.9


def coffee_pictures(histories: Iterable[History]) -> list[Sent]:
    """What the agents sent when somebody with a cup had stood there for a while, in order of time.

    Takes some seconds for the first agent of a room, while its scene is composed.
    """
    pictures = [sent for history in histories if history.habits.speaks == "agent" for sent in _of(history)]
    return sorted(pictures, key=lambda sent: sent.sent_at)


def _of(history: History) -> Iterator[Sent]:
    moments = _moments(history)
    if not moments:
        return
    compositions = list(_compositions(history))
    topic = messages.topic_from_device(history.habits.thing, "image")
    for number, taken_at in enumerate(moments):
        image_string, faces = compositions[number % len(compositions)]
        message_id = f"past-picture-{history.seed}-{taken_at}"
        # Without its area: the frames of the past say that the people stood elsewhere than in these compositions.
        image = messages.Image(id=message_id, taken_at=taken_at, image_string=image_string, faces=faces)
        yield Sent(topic, messages.encode(image), taken_at)


def _moments(history: History) -> list[int]:
    """When pictures are taken: `PICTURES` visits with a cup, evenly chosen from all that the camera saw."""
    possible = [visit.started + _POSES_FOR for visit in history.visits if _poses(history, visit)]
    wanted = min(PICTURES, len(possible))
    return [possible[number * len(possible) // wanted] for number in range(wanted)]


def _poses(history: History, visit: Visit) -> bool:
    taken_at = visit.started + _POSES_FOR
    on = any(span.started <= visit.started and taken_at < span.ended for span in history.on)
    return on and visit.has_cup and taken_at < visit.ended


def _compositions(history: History) -> Iterator[tuple[str, tuple[messages.Face, ...]]]:
    """JPEGs (base64) of one person with a cup before the camera, and the face in the JPEG's own pixels."""
    scene = Scene(history.habits.room, history.seed)
    looks = count(history.period.started // SECOND, _LOOK_EVERY)
    seconds = (at for at in looks if _is_alone_with_cup(scene.people_at(at)))
    for at in islice(seconds, _COMPOSITIONS):
        encoded, scale = jpeg(scene.picture_at(at))
        left, top, width, height = (round(side * scale) for side in scene.people_at(at)[0].face)
        face = messages.Face(_FACE_CONFIDENCE, (left, top, width, height))
        yield base64.b64encode(encoded).decode("ascii"), (face,)


def _is_alone_with_cup(people: tuple[Person, ...]) -> bool:
    return len(people) == 1 and people[0].cup is not None
