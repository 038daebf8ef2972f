"""A retained message counts once in its life, however often the broker hands it over."""

import datetime as dt
import itertools

import pytest

from analytics.models import Frame
from devices.intake.batches import accept
from devices.intake.replay import replay_quarantined
from devices.models import Device, DeviceLog, QuarantinedMessage, RetainedMessage
from devices.reading.decoding import Arrival, Delivery
from edge_agent import messages
from tests import clock
from tests.world import places

MINUTE = dt.timedelta(minutes=1)
THUMB = b'{"thumbs-up": 0.97}'

pytestmark = pytest.mark.django_db


class Broker:
    """Delivers messages as a broker does, each a minute after the one before."""

    def __init__(self) -> None:
        self.sequence = itertools.count(1)

    def deliver(self, payload: bytes = THUMB, *, retained: bool, thing: str = places.CHICAGO01) -> Arrival:
        number = next(self.sequence)
        delivery = Delivery("ingest", packet_id=number, sequence=number)
        return Arrival(f"$aws/things/{thing}/infer", payload, clock.NOW + number * MINUTE, delivery, retained)


@pytest.fixture
def broker(chicago01: Device) -> Broker:
    return Broker()


def test_a_retained_message_counts_once_on_three_connections(broker: Broker) -> None:
    for _ in range(3):
        accept([broker.deliver(retained=True)])
    assert Frame.objects.get().taken_at == clock.NOW + MINUTE


def test_a_retained_message_counts_once_in_one_batch(broker: Broker) -> None:
    accept([broker.deliver(retained=True), broker.deliver(retained=True)])
    assert Frame.objects.count() == 1


def test_a_message_that_came_live_is_known_again_when_it_is_handed_over_as_retained(broker: Broker) -> None:
    accept([broker.deliver(retained=False)])
    for _ in range(3):
        accept([broker.deliver(retained=True)])
    RetainedMessage.objects.get()
    accept([broker.deliver(retained=True)])
    assert Frame.objects.get().taken_at == clock.NOW + MINUTE


def test_equal_messages_that_come_live_are_as_many_frames(broker: Broker) -> None:
    accept([broker.deliver(retained=False), broker.deliver(retained=True), broker.deliver(retained=False)])
    assert Frame.objects.count() == 2


def test_another_message_on_the_topic_is_another_life(broker: Broker) -> None:
    for payload in (THUMB, b'{"thumbs-up": 0.5}', THUMB, THUMB):
        accept([broker.deliver(payload, retained=True)])
    assert Frame.objects.count() == 3


def test_after_its_topic_was_cleared_an_equal_message_counts_again(broker: Broker) -> None:
    accept([broker.deliver(retained=True)])
    assert accept([broker.deliver(b"", retained=False)]).committed == 1
    assert not QuarantinedMessage.objects.exists()
    accept([broker.deliver(retained=True)])
    assert Frame.objects.count() == 2


@pytest.mark.parametrize("topic", ["$aws/things/nobody/infer", "dt/headcount/nobody/status", "some/thing/else/there"])
def test_clearing_a_topic_leaves_nothing_in_the_quarantine(db: None, topic: str) -> None:
    accept([Arrival(topic, b"", clock.NOW)])
    assert not QuarantinedMessage.objects.exists()


def test_a_retained_line_of_log_is_kept_once(broker: Broker) -> None:
    for _ in range(3):
        accept([broker.deliver(b"Opened Pipe", retained=True)])
    assert DeviceLog.objects.count() == 1


def test_a_retained_message_of_an_agent_has_its_own_time(seattle01: Device) -> None:
    sent = messages.Frames(id="m", frames=(messages.Frame(clock.epoch_ms(), faces=()),))
    topic = messages.topic_from_device(places.SEATTLE01, "frames")
    for minutes in range(3):
        accept([Arrival(topic, messages.encode(sent), clock.NOW + minutes * MINUTE, retained=True)])
    assert Frame.objects.count() == 1


def test_a_retained_message_that_waited_in_the_quarantine_counts_once(broker: Broker) -> None:
    accept([broker.deliver(retained=True, thing=places.SEATTLE01)])
    places.seattle01()
    assert replay_quarantined(message=QuarantinedMessage.objects.get(), now=clock.now())
    for _ in range(2):
        accept([broker.deliver(retained=True, thing=places.SEATTLE01)])
    assert Frame.objects.get().taken_at == clock.NOW + MINUTE
