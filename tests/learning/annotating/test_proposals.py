"""What the real models propose for photographs, and who may ask for it."""

import json

import pytest
from django.contrib.auth.models import User
from django.urls import reverse

from devices.models import Site
from learning.annotating.proposals import propose
from learning.datasets.boxes import overlap
from learning.datasets.pictures import add, prepare
from learning.models import Picture
from tests.analytics.pages.test_pages import page
from tests.faces import scenes
from tests.learning.samples import data_set

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("models")]


@pytest.fixture
def portrait(seattle: Site) -> Picture:
    jpeg = scenes.jpeg(scenes.portrait_with_cup())
    row, _ = add(prepared=prepare(data_set=data_set(), name="a.jpg", data=jpeg, recording="x"))
    return row


def test_a_face_is_proposed_where_it_is_within_the_picture(portrait: Picture) -> None:
    found = propose(portrait)
    face = next(each for each in found if each.kind == "face")
    assert overlap(face.box, (170, 60, 110, 150)) > 0.3
    for each in found:
        left, top, width, height = each.box
        assert 0 <= left < left + width <= portrait.width
        assert 0 <= top < top + height <= portrait.height


def test_operators_ask_for_proposals_and_outsiders_find_no_picture(
    portrait: Picture, operator: User, viewer: User, outsider: User
) -> None:
    address = reverse("annotate-proposals", args=[portrait.pk])
    rows = json.loads(page(operator, address).content)["proposals"]
    assert {"face"} <= {row["kind"] for row in rows}
    assert page(viewer, address).status_code == 403
    assert page(outsider, address).status_code == 404
