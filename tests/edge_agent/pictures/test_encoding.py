import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from skimage import data

from edge_agent.messages import MAX_MESSAGE_BYTES, MAX_PICTURE_BYTES, Box, Face, Image, encode, picture_bytes
from edge_agent.pictures.encoding import Picture, head_and_shoulders, images, jpeg

ASTRONAUT_FACE = (173, 72, 100, 118)


def astronaut() -> Picture:
    return np.asarray(data.astronaut(), np.uint8)


def decoded(image: Image) -> Picture:
    encoded = np.frombuffer(picture_bytes(image.image_string), np.uint8)
    return np.asarray(cv2.imdecode(encoded, cv2.IMREAD_COLOR_RGB), np.uint8)


def noisy(height: int, width: int) -> Picture:
    """The hardest picture for a JPEG encoder."""
    return np.random.default_rng(0).integers(0, 256, (height, width, 3), np.uint8)


def difference(one: Picture, other: Picture) -> float:
    return float(np.abs(one.astype(int) - other.astype(int)).mean())


def test_a_frame_is_sent_whole_with_its_faces() -> None:
    face = Face(0.9, ASTRONAUT_FACE)
    (image,) = images(astronaut(), [face], taken_at=17, shows="frame", crop_margin=0.6)
    assert (image.taken_at, image.shows, image.faces) == (17, "frame", (face,))
    assert difference(decoded(image), astronaut()) < 5
    assert image.area == (0, 0, 512, 512)


def test_a_crop_keeps_head_and_shoulders_and_its_box_is_in_its_own_pixels() -> None:
    (image,) = images(astronaut(), [Face(0.9, ASTRONAUT_FACE)], taken_at=0, shows="crop", crop_margin=0.6)
    crop = decoded(image)
    left, top, width, height = image.faces[0].box or (0, 0, 0, 0)
    x, y, _, _ = ASTRONAUT_FACE
    assert (width, height) == ASTRONAUT_FACE[2:]
    assert crop.shape[0] == top + height + round(2 * 0.6 * height)
    face_sent, face_seen = crop[top : top + height, left : left + width], astronaut()[y : y + height, x : x + width]
    assert difference(face_sent, face_seen) < 8
    assert image.area is not None
    assert (image.area[0] + left, image.area[1] + top) == ASTRONAUT_FACE[:2]


def test_every_face_gets_a_crop_of_its_own() -> None:
    faces = [Face(0.9, ASTRONAUT_FACE), Face(0.7, (0, 0, 40, 50)), Face(0.8)]
    sent = images(astronaut(), faces, taken_at=0, shows="crop", crop_margin=0.2)
    assert [image.faces[0].confidence for image in sent] == [0.9, 0.7]


def test_the_boxes_shrink_with_a_picture_that_had_to_be_made_smaller() -> None:
    (image,) = images(noisy(720, 1280), [Face(0.9, (640, 360, 64, 36))], taken_at=0, shows="frame", crop_margin=0)
    height, width, _ = decoded(image).shape
    left, top, _, _ = image.faces[0].box or (0, 0, 0, 0)
    assert width < 1280
    assert left / width == pytest.approx(0.5, abs=0.01)
    assert top / height == pytest.approx(0.5, abs=0.01)
    assert len(encode(image)) <= MAX_MESSAGE_BYTES


@given(st.integers(1, 400), st.integers(1, 400), st.integers(2_000, MAX_PICTURE_BYTES))
def test_a_jpeg_is_never_larger_than_its_limit(height: int, width: int, limit: int) -> None:
    encoded, scale = jpeg(noisy(height, width), limit)
    assert len(encoded) <= limit
    assert 0 < scale <= 1


boxes = st.tuples(st.integers(-50, 600), st.integers(-50, 600), st.integers(1, 300), st.integers(1, 300))


@given(boxes.filter(lambda box: box[0] < 512 and box[1] < 512 and box[0] + box[2] > 0 and box[1] + box[3] > 0))
def test_a_crop_never_leaves_the_picture(box: Box) -> None:
    left, top, width, height = head_and_shoulders(box, astronaut(), 0.6)
    assert left >= 0
    assert top >= 0
    assert width >= 1
    assert height >= 1
    assert left + width <= 512
    assert top + height <= 512
