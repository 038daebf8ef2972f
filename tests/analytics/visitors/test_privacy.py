"""Reactions are told of groups and never of a person."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analytics.visitors.privacy import EMOTIONS, SMALLEST_GROUP, Reaction, emotion_shares

HAPPY, CALM = {"happy": 0.9}, {"calm": 0.9}


def group(device: str, people: range, emotions: dict[str, float] = HAPPY) -> list[Reaction]:
    return [(device, person, emotions) for person in people]


def of(seen: list[Reaction], *devices: str) -> dict[str, float] | None:
    return emotion_shares(seen, devices=devices, of_the_site=["one", "two", "three"])


@pytest.mark.parametrize("people", range(SMALLEST_GROUP))
def test_a_small_group_has_no_shares(people: int) -> None:
    assert of(group("one", range(people)), "one", "two", "three") is None


def test_five_people_have_shares() -> None:
    seen = group("one", range(4)) + group("two", range(4, 5), CALM)
    shares = of(seen, "one", "two", "three")
    assert shares is not None
    assert (shares["happy"], shares["calm"], shares["sad"]) == pytest.approx((0.8, 0.2, 0))


def test_one_frequent_visitor_is_no_group() -> None:
    assert of(group("one", range(1)) * 100, "one", "two", "three") is None


def test_everybody_weighs_the_same_however_often_seen() -> None:
    seen = group("one", range(4)) + group("one", range(4, 5), CALM) * 50
    shares = of(seen, "one", "two", "three")
    assert shares is not None
    assert shares["calm"] == pytest.approx(0.2)


def test_a_device_has_no_shares_where_they_would_reveal_a_small_group() -> None:
    seen = group("one", range(9)) + group("two", range(20, 22), CALM)
    assert of(seen, "one") is None
    assert of(seen, "two") is None
    assert of(seen, "one", "two", "three") is not None


def test_a_device_has_shares_where_every_group_of_the_day_is_large_enough() -> None:
    seen = group("one", range(5)) + group("two", range(20, 25), CALM)
    assert (of(seen, "one") or {})["happy"] == 1
    assert (of(seen, "two") or {})["calm"] == 1
    assert of(seen, "three") is None


def test_what_no_emotion_is_known_of_is_nobody() -> None:
    assert of(group("one", range(5), {}) + group("one", range(5), {"smug": 1.0}), "one", "two", "three") is None


emotions = st.dictionaries(st.sampled_from(EMOTIONS), st.floats(0, 1), max_size=4)
days = st.lists(st.tuples(st.sampled_from(["one", "two", "three"]), st.integers(0, 12), emotions), max_size=60)


@given(days)
def test_shares_add_up_and_are_those_of_a_large_enough_group(seen: list[Reaction]) -> None:
    told = {device: of(seen, device) for device in ("one", "two", "three")}
    for device, shares in told.items():
        people = {person for at, person, each in seen if at == device and sum(each.values()) > 0}
        if shares is not None:
            assert len(people) >= SMALLEST_GROUP
            assert sum(shares.values()) == pytest.approx(1)
            assert set(shares) == set(EMOTIONS)
    whole = of(seen, "one", "two", "three")
    everybody = {person for _, person, each in seen if sum(each.values()) > 0}
    assert (whole is not None) == (len(everybody) >= SMALLEST_GROUP)


@given(days, st.integers(0, 12))
def test_a_person_more_in_a_small_group_changes_no_shares(seen: list[Reaction], person: int) -> None:
    few = [one for one in seen if hash(one[1]) % 3 == 0][: SMALLEST_GROUP - 2]
    before, after = few, [*few, ("two", person, {"sad": 1.0})]
    assert [of(before, one) for one in ("one", "two")] == [of(after, one) for one in ("one", "two")] == [None, None]
