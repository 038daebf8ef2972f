"""A kind of message is known everywhere as soon as it stands in the wire contract."""

import datetime as dt
from typing import get_args

import pytest

from devices.models import Reason
from devices.reading import decoding
from devices.reading.decoding import Arrival, Rejection
from devices.rest.serializers import MessageSerializer
from edge_agent import messages
from tests import clock
from tests.house.files import ROOT

KIND = pytest.mark.parametrize("kind", messages.KINDS)


def test_every_class_of_message_has_a_kind() -> None:
    assert set(messages.KINDS.values()) == set(get_args(messages.FromDevice))
    assert list(messages.KINDS) == ["frames", "image", "status", "log", "play"]


@KIND
def test_the_intake_knows_its_topic(kind: str) -> None:
    arrival = Arrival(messages.topic_from_device("camera-1", kind), b"{}", clock.now())
    with pytest.raises(Rejection) as caught:
        decoding.decode(arrival, None, retention=dt.timedelta(days=1))
    assert caught.value.reason == Reason.UNKNOWN_DEVICE


@KIND
def test_the_api_takes_it(kind: str) -> None:
    assert MessageSerializer(data={"kind": kind, "payload": {}}).is_valid()


@KIND
def test_it_is_documented(kind: str) -> None:
    assert f"`dt/headcount/<thing>/{kind}`" in (ROOT / "docs" / "messages.md").read_text()
