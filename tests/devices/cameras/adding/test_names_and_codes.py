"""What is made from what people type: names of spots and things, and claim codes."""

import datetime as dt

import pytest
from django.core.exceptions import ValidationError
from hypothesis import given
from hypothesis import strategies as st

from devices.cameras.adding import codes
from devices.managing import names
from devices.models import Site
from edge_agent.messages import is_thing_name
from tests import clock
from tests.world import places


@pytest.mark.parametrize(
    ("called", "spot"),
    [("Front desk", "front-desk"), ("Küche 2", "kuche-2"), ("前台", "camera"), ("Seattle07", "Seattle07")],
)
def test_a_spot_is_named_by_what_people_call_it(seattle: Site, called: str, spot: str) -> None:
    assert names.spot_name(seattle, called) == spot


def test_a_second_spot_of_the_same_name_gets_a_number(seattle: Site) -> None:
    places.device(seattle, "front-desk", "one")
    places.device(seattle, "front-desk-2", "two")
    assert names.spot_name(seattle, "Front desk") == "front-desk-3"


@pytest.mark.parametrize("called", ["", "   ", "a\x07b"])
def test_a_name_that_says_nothing_is_refused(seattle: Site, called: str) -> None:
    with pytest.raises(ValidationError):
        names.spot_name(seattle, called)


def test_thing_names_differ_and_are_valid_at_the_broker(db: None) -> None:
    made = {names.new_thing_name("front-desk") for _ in range(50)}
    assert len(made) == 50
    assert all(is_thing_name(name) for name in made)


@given(st.text(max_size=200).filter(lambda text: text.isprintable() and bool(text.strip())))
def test_every_name_that_can_be_printed_becomes_a_thing_name(called: str) -> None:
    try:
        slug = names.slug_of(called)
    except ValidationError:
        return
    assert is_thing_name(f"{slug}-abcde")


def test_a_code_is_found_and_proved_however_it_is_typed() -> None:
    now = clock.now()
    code = codes.code_of("7K3M", now)
    typed = code.lower().replace("-", " ").replace("0", "o").replace("1", "l")
    assert codes.handle_of(typed) == "7K3M"
    assert codes.proves(typed, "7K3M", now)


def test_the_code_of_another_time_proves_nothing() -> None:
    now = clock.now()
    assert not codes.proves(codes.code_of("7K3M", now), "7K3M", now + dt.timedelta(seconds=1))


@given(st.text(max_size=40))
def test_no_text_that_somebody_types_breaks_the_check(text: str) -> None:
    handle = codes.handle_of(text)
    assert not handle or not codes.proves(text, "0000" if handle != "0000" else "1111", clock.now())
