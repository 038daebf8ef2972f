"""The schedules of the workers."""

import pytest
from django.core.exceptions import ValidationError
from django_q.models import Schedule

from tests import clock

pytestmark = pytest.mark.django_db


def schedule(args: str) -> Schedule:
    return Schedule(
        name="odd", func="devices.tasks.forget_old_logs", schedule_type="I", args=args, next_run=clock.now()
    )


@pytest.mark.parametrize("args", ["(", "one", "1 +", "[" * 10_000])
def test_a_schedule_whose_arguments_cannot_be_read_is_refused(args: str) -> None:
    with pytest.raises(ValidationError) as refused:
        schedule(args).full_clean()
    assert list(refused.value.message_dict) == ["args"]


@pytest.mark.parametrize("args", ["", "1", "'one', 2"])
def test_usual_arguments_are_taken(args: str) -> None:
    schedule(args).full_clean()
