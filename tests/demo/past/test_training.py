"""The demo's versions of a thumbs-up model."""

import pytest
from django.contrib.auth.models import User

from demo.past.training import create_runs
from devices.models import Site
from learning.evaluating.reads import side_by_side
from learning.models import DataSet


@pytest.mark.django_db
def test_six_versions_stand_side_by_side_and_the_fourth_is_best(seattle: Site, superuser: User) -> None:
    create_runs(superuser)
    create_runs(superuser)
    runs = DataSet.objects.get().runs.order_by("number")
    rows = side_by_side(list(runs))
    assert [row.run.number for row in rows if row.is_best] == [4]
    assert [row.table.missed for row in rows if row.table] == [4, 10, 11, 1, 3, 4]
