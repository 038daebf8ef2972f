"""A thing that publishes without being registered is listed, and adopted with what it has sent."""

import pytest
from django.contrib.auth.models import User
from django.test import Client

from analytics.models import Frame
from devices.adding import adopting
from devices.adding.progress import Stage, read_progress
from devices.intake import batches
from devices.intake.decoding import Arrival
from devices.models import Device, QuarantinedMessage, Reason, Site
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


def test_unknown_things_are_listed_with_how_often_they_published(db: None) -> None:
    publish(count=3)
    publish("another")
    listed = {thing.name: thing.messages for thing in adopting.unknown_things()}
    assert listed == {THING: 3, "another": 1}


def test_what_an_adopted_thing_has_sent_is_counted(seattle: Site) -> None:
    publish(count=3)
    device = adopting.adopt(thing_name=THING, site=seattle, called="Front desk")
    assert adopting.replay_thing(THING) == 3
    assert Frame.objects.filter(device=device).count() == 3
    assert adopting.unknown_things() == []


def test_a_message_that_is_refused_again_is_not_tried_for_ever(seattle: Site) -> None:
    publish(payload=b"{")
    adopting.adopt(thing_name=THING, site=seattle, called="Front desk")
    assert adopting.replay_thing(THING) == 0
    assert QuarantinedMessage.objects.get().reason == Reason.UNREADABLE
    assert adopting.replay_thing(THING) == 0


@pytest.mark.django_db(transaction=True)
def test_an_administrator_adopts_a_thing_on_the_page(client: Client, superuser: User) -> None:
    site = Site.objects.create(slug="oslo", name="Oslo", timezone="Europe/Oslo")
    publish()
    client.force_login(superuser)
    assert THING in client.get("/cameras/unknown/").content.decode()
    response = client.post("/cameras/unknown/", {"thing": THING, "site": "oslo", "name": "Front desk"})
    assert response.status_code == 302
    assert Device.objects.get(site=site).thing_name == THING


def test_no_member_of_a_site_learns_the_names_of_unknown_things(client: Client, owner: User) -> None:
    publish()
    client.force_login(owner)
    response = client.get("/cameras/unknown/")
    assert response.status_code == 403
    assert THING not in response.content.decode()


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
