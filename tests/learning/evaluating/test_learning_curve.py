"""Which examples the models of the learning curve learn from."""

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from learning.evaluating.learning_curve import pictures_of, point, smaller
from learning.evaluating.tables import Item

pictures = st.lists(st.lists(st.sampled_from(["cup", "mug", "sign"]), max_size=4), max_size=60)


@given(pictures, st.integers(1, 30), st.integers(0, 99))
def test_each_label_gets_so_many_boxes_or_all_of_them(labels: list[list[str]], size: int, seed: int) -> None:
    chosen = pictures_of(labels, size, seed)
    assert chosen == sorted(set(chosen))
    every = Counter(label for each in labels for label in each)
    some = Counter(label for index in chosen for label in labels[index])
    assert all(some[label] >= min(size, every[label]) for label in every)
    assert pictures_of(labels, size, seed) == chosen


@given(st.integers(2, 40), st.integers(0, 99))
def test_no_picture_is_taken_beyond_the_size_and_empty_ones_are_taken_alike(size: int, seed: int) -> None:
    labels = [["cup"] for _ in range(40)] + [[] for _ in range(20)]
    chosen = pictures_of(labels, size, seed)
    assert sum(index < 40 for index in chosen) == size
    assert sum(index >= 40 for index in chosen) == round(20 * size / 40)


def test_the_sizes_lie_below_the_label_with_the_most_examples() -> None:
    assert smaller(Counter(cup=50, mug=12), fewest=10) == [10, 20]
    assert smaller(Counter(), fewest=1) == []


def test_where_nothing_was_to_be_found_the_curve_has_no_point() -> None:
    assert point(5, [Item("", "cup", 0.9)], 0.5) == []
    assert point(5, [Item("cup", "cup", 0.9), Item("cup", "", 0.0)], 0.5)[0][:2] == (5, 0.5)
