"""Two annotators compared."""

import pytest
from django.contrib.auth.models import User

from devices.models import Site
from learning.datasets.boxes import compare_annotators, set_boxes
from learning.models import Review
from tests.analytics.pages.test_pages import page, words
from tests.learning import samples

pytestmark = pytest.mark.django_db


def test_two_annotators_are_compared_box_by_box_over_the_pictures_that_both_have_annotated(
    seattle: Site, operator: User, owner: User
) -> None:
    made = samples.data_set()
    same, other, alone = (samples.picture(made, number) for number in range(3))
    fist = ("fist", 2, 2, 20, 20)
    drawn = [
        (operator, same, [fist]),
        (owner, same, [("fist", 3, 3, 20, 20)]),
        (operator, other, [fist, ("fist", 30, 5, 20, 20)]),
        (owner, other, [("palm", 2, 2, 20, 20), ("fist", 5, 28, 10, 10)]),
        (operator, alone, [fist]),
    ]
    for by, picture, boxes in drawn:
        set_boxes(picture=picture, boxes=boxes, review=Review.KEPT, by=by)
    (found,) = compare_annotators(made)
    assert (found.first, found.second, found.pictures) == ("operator", "owner", 2)
    assert (found.agreed, found.differently_labelled, found.only_first, found.only_second) == (1, 1, 1, 1)
    assert found.share == 0.25
    assert list(found.pictures_that_differ) == [other.pk]
    assert "operator, owner 2 1 1 1 1 25%" in words(page(owner, made.get_absolute_url()))


def test_one_annotator_has_nobody_to_be_compared_with(seattle: Site, operator: User) -> None:
    made = samples.data_set()
    set_boxes(picture=samples.picture(made, 1), boxes=[("fist", 2, 2, 20, 20)], review=Review.KEPT, by=operator)
    assert compare_annotators(made) == []
