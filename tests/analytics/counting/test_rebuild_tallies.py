import datetime as dt
import io

import pytest
from django.core.management import CommandError, call_command

from analytics.counting import corrections
from analytics.models import EngagementQuarter
from devices.models import Device
from faces.models import CoffeeTally, Span
from tests import clock
from tests.analytics.frames import count, engagement_table, seen, stored_engagement
from tests.faces.coffees.test_leaderboard import add_coffees


@pytest.fixture
def frames(seattle01: Device, chicago01: Device) -> list[tuple[object, ...]]:
    """A frame each; answers the tallies they should have."""
    yesterday = clock.now() - dt.timedelta(days=1)
    both = [seen(device, yesterday, faces=[0.9]) for device in (seattle01, chicago01)]
    count(*both)
    return engagement_table(both)


def output(*arguments: str) -> str:
    out = io.StringIO()
    call_command("rebuild_tallies", *arguments, stdout=out, stderr=io.StringIO())
    return out.getvalue()


def test_a_rebuild_reports_that_every_tally_was_right(frames: object) -> None:
    assert output() == "Rebuilt 2 days of 2 devices: every tally was right.\n"


def test_a_rebuild_corrects_wrong_tallies(frames: list[tuple[object, ...]]) -> None:
    EngagementQuarter.objects.update(faces_sum=5)
    assert output() == "Rebuilt 2 days of 2 devices: 2 quarter hours were wrong and are corrected.\n"
    assert stored_engagement() == frames


def test_a_rebuild_counts_coffees_again(frames: object, seattle01: Device) -> None:
    add_coffees(seattle01, None, [clock.now()])
    EngagementQuarter.objects.update(faces_sum=5)
    CoffeeTally.objects.update(coffees=7)
    sentence = f"2 quarter hours and {len(Span)} tallies of coffees were wrong and are corrected"
    assert output() == f"Rebuilt 2 days of 2 devices: {sentence}.\n"
    assert set(CoffeeTally.objects.values_list("coffees", flat=True)) == {1}
    assert output() == "Rebuilt 2 days of 2 devices: every tally was right.\n"


def test_a_rebuild_can_be_limited_to_a_device_and_a_first_day(frames: object, seattle01: Device) -> None:
    assert output("--device", seattle01.thing_name) == "Rebuilt 1 days of 1 devices: every tally was right.\n"
    today = (clock.now() + dt.timedelta(days=1)).date().isoformat()
    assert output("--since", today) == "Rebuilt 0 days of 2 devices: every tally was right.\n"


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--device", "nobody"], "No device has the thing name “nobody”"),
        (["--since", "yesterday"], "“yesterday” is not a date such as 2026-11-20."),
    ],
)
def test_a_wrong_argument_is_refused_in_one_sentence(db: None, arguments: list[str], sentence: str) -> None:
    with pytest.raises(CommandError, match=sentence):
        output(*arguments)


def test_a_rebuild_can_be_interrupted(frames: object, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(stretch: object) -> int:
        raise KeyboardInterrupt

    monkeypatch.setattr(corrections, "rebuild", interrupt)
    with pytest.raises(CommandError, match="Stopped"):
        output()
