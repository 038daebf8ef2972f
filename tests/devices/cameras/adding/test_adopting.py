"""A thing that publishes without being registered is listed, and adopted with what it has sent."""

import pytest
from django.contrib.auth.models import User
from django.test import Client

from analytics.models import Frame
from devices.cameras.adding import adopting, services
from devices.cameras.adding.progress import Stage, read_progress
from devices.intake import batches
from devices.models import Device, QuarantinedMessage, Reason, Site
from devices.reading.decoding import Arrival
from edge_agent import messages
from tests import clock

THING = "front-desk-7"


def publish(thing: str = THING, *, count: int = 1, kind: str = "frames", payload: bytes | None = None) -> None:
    arrivals = [
        Arrival(messages.topic_from_device(thing, kind), payload or _frames(number), clock.now())
        for number in range(count)
    ]
    batches.accept(arrivals)


def _frames(number: int) -> bytes:
    frame = messages.Frame(clock.epoch_ms() - 1_000 * number, faces=())
    return messages.encode(messages.Frames(messages.new_id(), (frame,)))


def test_what_a_deeplens_has_sent_before_it_was_added_is_counted(seattle: Site) -> None:
    publish(count=3)
    device = add(seattle)
    assert adopting.replay_thing(THING) == 3
    assert Frame.objects.filter(device=device).count() == 3


def test_a_message_that_is_refused_again_is_not_tried_for_ever(seattle: Site) -> None:
    publish(payload=b"{")
    add(seattle)
    assert adopting.replay_thing(THING) == 0
    assert QuarantinedMessage.objects.get().reason == Reason.UNREADABLE
    assert adopting.replay_thing(THING) == 0


def add(site: Site) -> Device:
    camera = services.NewCamera(name="Front desk", kind=services.Kind.DEEPLENS, thing_name=THING)
    return services.add_camera(site=site, camera=camera, now=clock.now())


def test_an_administrator_adopts_a_thing_by_what_people_call_its_place(
    client: Client, superuser: User, seattle: Site
) -> None:
    publish(count=2)
    client.force_login(superuser)
    assert THING in client.get("/sites/seattle/settings/quarantine/").content.decode()
    client.post("/sites/seattle/settings/quarantine/adopt/", {"thing": THING, "name": "Front desk"})
    device = Device.objects.get(site=seattle)
    assert (device.name, device.thing_name) == ("front-desk", THING)
    assert Frame.objects.filter(device=device).count() == 2


class TestTheWaitingPage:
    """It never says that nothing has come while messages lie in quarantine."""

    def test_it_says_which_messages_are_quarantined_why_and_what_to_do(self, seattle01: Device) -> None:
        publish(seattle01.thing_name, payload=b"no json")
        progress = read_progress(seattle01, now=clock.now())
        assert progress.steps[-1].stage is Stage.WRONG
        (problem,) = progress.problems
        assert "1 message lies in quarantine: the payload cannot be read" in problem.what
        assert problem.advice

    @pytest.mark.parametrize("reason", Reason.values)
    def test_every_reason_has_a_meaning_and_an_advice(self, seattle01: Device, reason: str) -> None:
        QuarantinedMessage.objects.create(
            key=1, topic="t", payload=b"", reason=reason, device=seattle01, size=0, received_at=clock.now()
        )
        (problem,) = read_progress(seattle01, now=clock.now()).problems
        assert Reason(reason).label in problem.what
        assert problem.advice != "Look at the quarantine."

    def test_it_is_done_with_the_first_message(self, seattle01: Device) -> None:
        assert not read_progress(seattle01, now=clock.now()).is_done
        publish(seattle01.thing_name)
        assert read_progress(seattle01, now=clock.now()).is_done
