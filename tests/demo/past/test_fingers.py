"""The demo's finished example of learning."""

import pytest
from django.contrib.auth.models import User

from demo.past.fingers import create_example, hands
from devices.models import Site
from learning.evaluating.reads import evaluate, side_by_side
from learning.models import DataSet, State
from learning.training import running


@pytest.mark.django_db
def test_two_runs_of_raised_fingers_are_trained_without_looking_for_a_hand_and_stand_side_by_side(
    seattle: Site, superuser: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(running, "enqueue", lambda run: None)
    create_example(superuser)
    create_example(superuser)
    made = DataSet.objects.get()
    assert made.pictures.count() == len(list(hands())) == 172
    for run in made.runs.order_by("number"):
        assert running.work(run_id=run.pk).state == State.DONE
    rows = side_by_side(list(made.runs.order_by("number")))
    assert [row.run.note for row in rows] == ["the defaults", "without mirrored and turned hands"]
    assert sum(row.is_best for row in rows) == 1
    assert rows[1].changed == {"mirror": "no", "lean": 0.0}
    evaluation = evaluate(rows[0].run)
    assert evaluation is not None
    assert evaluation.table.recall is not None
    assert evaluation.table.recall > 0.9
    assert not rows[0].run.not_found["validation_not_found"]
    assert len(rows[0].run.curve) >= 3
