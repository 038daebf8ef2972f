"""From the camera's frames to the name: the agent's looks at a face outvote one frame that shows somebody else."""

from pathlib import Path

import numpy as np
import pytest

from devices.intake.batches import accept
from devices.models import Device, Site
from devices.reading.decoding import Arrival
from edge_agent import messages
from edge_agent.pictures.encoding import Picture
from faces.models import Capture, Person, Sighting
from faces.recognisers.recogniser import Recogniser
from faces.services import create_person, enrol, recognise
from tests.edge_agent.test_looks import Shows, stepped
from tests.edge_agent.vision.photographs import paste, scaled
from tests.faces import scenes
from tests.faces.conftest import LATER, NOON, agree

pytestmark = pytest.mark.django_db

EVERY = 0.5
"""Seconds between two frames. The countdown of four seconds begins with the first."""

FIRST_LOOK, SECOND_LOOK, PICTURE = 4, 6, 8
"""The numbers of the frames that vote."""


def portrait(frame: int) -> Picture:
    """The astronaut, whose light changes from frame to frame."""
    return (scenes.portrait() * (0.8 + 0.03 * (frame % 5))).astype(np.uint8)


def somebody_else() -> Picture:
    """Grace Hopper, whose face has the astronaut's size and place."""
    return paste(np.full((512, 512, 3), 110, np.uint8), scaled(scenes.other_portrait(), 0.54), 83, 3)


def image_of_agent(tmp_path: Path, others: set[int]) -> messages.Image:
    """What an agent sends of nine frames, in some of which somebody else stands in the astronaut's place."""
    frames = [somebody_else() if number in others else portrait(number) for number in range(PICTURE + 1)]
    start = round(NOON.timestamp() * 1000)
    sent = stepped(
        tmp_path,
        Shows(*frames),
        every=EVERY,
        steps=len(frames),
        detectors=("faces",),
        cadence=1 / EVERY,
        epoch_ms=lambda now: start + round(1000 * (now - 100.0)),
    )
    (image,) = [message for message in sent if isinstance(message, messages.Image)]
    return image


@pytest.mark.usefixtures("models", "enrolled_only", "ada")
@pytest.mark.parametrize(
    ("others", "name"),
    [
        ({SECOND_LOOK}, "Ada"),
        ({PICTURE}, "Ada"),
        ({SECOND_LOOK, PICTURE}, "Grace"),
    ],
    ids=["a look is wrong", "the picture is wrong", "most show the other"],
)
def test_the_name_is_that_of_most_of_an_agent_s_frames(
    tmp_path: Path, seattle: Site, seattle01: Device, local: Recogniser, others: set[int], name: str
) -> None:
    grace = create_person(site=seattle, name="Grace")
    picture = scenes.jpeg(scenes.other_portrait())
    enrol(person=grace, consent=agree(grace), jpeg=picture, now=NOON, recogniser=local)
    image = image_of_agent(tmp_path, others)
    assert len(image.looks) == len({FIRST_LOOK, SECOND_LOOK})
    topic = messages.topic_from_device(seattle01.thing_name, "image")
    accept([Arrival(topic, messages.encode(image), LATER)])
    recognise(capture_id=Capture.objects.get().pk, now=LATER, recogniser=local)
    assert Sighting.objects.get().person == Person.objects.get(name=name)
