"""A label has one spelling, whatever the spelling in which a device sends it."""

import base64
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analytics.models import Detection, LabelQuarter
from devices.intake.batches import accept
from devices.models import Device, QuarantinedMessage, Reason
from devices.reading import decoding, labels
from devices.reading.decoding import Arrival
from devices.reading.places import read_whereabouts
from edge_agent import messages
from edge_agent.vision.gestures import GESTURES
from tests import clock
from tests.faces import scenes


@pytest.mark.parametrize(
    ("sent", "label"),
    [
        ("Cup ", "cup"),
        ("cup\x0b", "cup"),
        ("Coffee  Cup", "coffee cup"),
        ("coffee_cup", "coffee cup"),
        ("Thumbs-Up", "thumbs-up"),
        ("thumbs_up", "thumbs-up"),
        ("Thumbs Up", "thumbs-up"),
        ("open palm", "open-palm"),
        ("t-shirt", "t-shirt"),
        ("cu\u200bp", "cup"),
        ("cafe\u0301", "café"),
    ],
)
def test_a_label_is_normalised(sent: str, label: str) -> None:
    assert labels.normalised(sent) == label


@pytest.mark.parametrize("sent", ["", " ", "\u200b", "_", "x" * 65])
def test_what_is_no_label_is_refused(sent: str) -> None:
    with pytest.raises(labels.BadLabel, match=r"^A label .*\.$"):
        labels.normalised(sent)


@given(st.text(max_size=64))
def test_a_normalised_label_stays_as_it_is(sent: str) -> None:
    try:
        label = labels.normalised(sent)
    except labels.BadLabel:
        return
    assert labels.normalised(label) == label


def test_the_labels_of_gestures_are_normalised() -> None:
    assert [labels.normalised(gesture) for gesture in GESTURES] == list(GESTURES)


def frames(**found: object) -> bytes:
    return json.dumps({"id": "L1", "frames": [{"taken_at": clock.epoch_ms(), **found}]}).encode()


def test_labels_of_agents_are_normalised_and_two_hands_are_two_detections(seattle01: Device) -> None:
    cups = [{"label": "Cup ", "confidence": 0.9}, {"label": "cup\x0b", "confidence": 0.9}]
    hands = [{"label": "Thumbs-Up", "confidence": 0.9}, {"label": "thumbs_up", "confidence": 0.9}]
    topic = messages.topic_from_device(seattle01.thing_name, "frames")
    accept([Arrival(topic, frames(objects=cups, gestures=hands), clock.now())])
    assert sorted(Detection.objects.values_list("label", flat=True)) == ["cup", "cup", "thumbs-up", "thumbs-up"]
    assert sorted(LabelQuarter.objects.values_list("label", "count")) == [("cup", 2), ("thumbs-up", 2)]


def training_picture(label: str) -> bytes:
    jpeg = scenes.jpeg(scenes.cat())
    return messages.encode(
        messages.Image(
            id="T1",
            taken_at=clock.epoch_ms(),
            image_string=base64.b64encode(jpeg).decode(),
            training=(messages.Labelled(label, 0.9),),
        )
    )


def test_the_labels_of_a_picture_for_training_are_normalised(seattle01: Device) -> None:
    arrival = Arrival(
        messages.topic_from_device(seattle01.thing_name, "image"), training_picture("Coffee_Cup "), clock.now()
    )
    (picture,) = decoding.decode(
        arrival, read_whereabouts()[seattle01.thing_name], retention=decoding.retention()
    ).pictures
    assert [found.label for found in picture.training or ()] == ["coffee cup"]


@pytest.mark.parametrize("label", ["\u200b", "cup\x00"])
def test_an_agents_label_that_cannot_be_seen_or_stored_is_quarantined(seattle01: Device, label: str) -> None:
    sent = {"frames": frames(objects=[{"label": label, "confidence": 0.9}]), "image": training_picture(label)}
    for kind, payload in sent.items():
        accept([Arrival(messages.topic_from_device(seattle01.thing_name, kind), payload, clock.now())])
    assert list(QuarantinedMessage.objects.values_list("reason", flat=True)) == [Reason.BAD_VALUE] * 2
