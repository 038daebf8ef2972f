"""The looks at a face that vote, beside its picture, on whose it is."""

import base64

import cv2
import numpy as np
from skimage import data

from edge_agent.messages import MAX_LOOK_BYTES, MAX_PICTURE_BYTES, Box, Face, encode
from edge_agent.pictures.encoding import Picture, images
from edge_agent.pictures.looks import APART_SECONDS, FACE_HEIGHT, LOOKS, MARGIN, MOST_FACES, LookKeeper

ASTRONAUT = np.asarray(data.astronaut(), np.uint8)
BOX: Box = (177, 62, 96, 118)


def face(visit: str | None, box: Box = BOX) -> Face:
    return Face(0.9, box, visit=visit)


def decoded(image_string: str) -> Picture:
    picture = cv2.imdecode(np.frombuffer(base64.b64decode(image_string), np.uint8), cv2.IMREAD_COLOR_RGB)
    return np.asarray(picture, np.uint8)


def test_two_looks_at_a_face_are_kept_that_are_apart() -> None:
    keeper = LookKeeper()
    for number in range(8):
        keeper.keep(10 + number * APART_SECONDS / 2, ASTRONAUT, [face("ada")])
    looks = keeper.take([face("ada")])
    assert [look.face for look in looks] == [0] * LOOKS
    assert keeper.take([face("ada")]) == ()


def test_a_look_shows_the_face_with_a_margin_and_no_more_pixels_than_needed() -> None:
    keeper = LookKeeper()
    keeper.keep(10.0, ASTRONAUT, [face("ada")])
    (look,) = keeper.take([face("ada")])
    shown = decoded(look.image_string)
    assert abs(shown.shape[0] - FACE_HEIGHT * (1 + 3 * MARGIN)) <= 2
    assert len(base64.b64decode(look.image_string)) <= MAX_LOOK_BYTES


def test_each_look_names_its_face_and_the_largest_faces_are_chosen() -> None:
    keeper = LookKeeper()
    people = [face(str(number), (20 * number, 100, 40 + number, 60 + number)) for number in range(MOST_FACES + 2)]
    keeper.keep(10.0, ASTRONAUT, people)
    assert [look.face for look in keeper.take(people)] == list(range(2, MOST_FACES + 2))


def test_who_has_left_and_who_is_not_followed_has_no_look() -> None:
    keeper = LookKeeper()
    keeper.keep(10.0, ASTRONAUT, [face("ada"), face(None)])
    keeper.keep(12.0, ASTRONAUT, [face("bob")])
    assert [look.face for look in keeper.take([face("ada"), face("bob"), face(None)])] == [1]


def test_a_crop_carries_the_looks_at_its_own_face() -> None:
    keeper = LookKeeper()
    people = [face("ada"), face("bob", (300, 60, 90, 110))]
    keeper.keep(10.0, ASTRONAUT, people)
    looks = keeper.take(people)
    sent = images(ASTRONAUT, people, taken_at=0, shows="crop", crop_margin=0.6, looks=looks)
    assert [[look.face for look in image.looks] for image in sent] == [[0], [0]]
    assert [image.looks[0].image_string for image in sent] == [look.image_string for look in looks]


def test_a_picture_with_looks_is_no_larger_than_without() -> None:
    chance = np.random.default_rng(1)
    noise = chance.integers(0, 255, (720, 1280, 3), np.uint8)
    keeper = LookKeeper()
    people = [face(str(number), (200 * number, 100, 80, 100)) for number in range(MOST_FACES)]
    keeper.keep(10.0, ASTRONAUT, people)
    keeper.keep(12.0, ASTRONAUT, people)
    looks = keeper.take(people)
    (image,) = images(noise, people, taken_at=0, shows="frame", crop_margin=0.6, looks=looks)
    assert len(image.looks) == 2 * MOST_FACES
    assert len(encode(image)) <= MAX_PICTURE_BYTES * 4 / 3 + 1_000
