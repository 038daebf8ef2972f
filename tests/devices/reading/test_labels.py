"""A label has one spelling, whatever the spelling in which a device sends it."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analytics.models import Detection, LabelQuarter
from devices.intake.batches import accept
from devices.models import Device, QuarantinedMessage, Reason
from devices.reading import labels
from devices.reading.decoding import Arrival
from edge_agent import messages
from edge_agent.vision.gestures import GESTURES
from tests import clock


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


def test_an_agents_label_that_cannot_be_seen_is_quarantined(seattle01: Device) -> None:
    topic = messages.topic_from_device(seattle01.thing_name, "frames")
    accept([Arrival(topic, frames(objects=[{"label": "\u200b", "confidence": 0.9}]), clock.now())])
    assert QuarantinedMessage.objects.get().reason == Reason.BAD_VALUE
