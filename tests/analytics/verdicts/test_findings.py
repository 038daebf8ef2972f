import pytest
from hypothesis import given
from hypothesis import strategies as st

from analytics.numbers.intervals import Interval
from analytics.verdicts.findings import Finding, Normality, Word, holm, judge_day, tell
from analytics.verdicts.matched import Comparison, UsualRange


def compared(low: float, high: float, p_value: float = 0.001, hours: int = 120) -> Comparison:
    return Comparison(hours, (low * high) ** 0.5, Interval(low, high), p_value)


def alone(comparison: Comparison) -> Finding:
    return tell({"spells": comparison})["spells"]


@pytest.mark.parametrize(
    ("comparison", "text"),
    [
        (compared(1.12, 1.31), "more than last week: +12% to +31% (120 hours in common)"),
        (compared(0.5, 0.96), "fewer than last week: −50% to −4% (120 hours in common)"),
        (compared(0.93, 1.08, 0.6), "about the same as last week (120 hours in common)"),
        (compared(1.01, 1.09, 0.01), "about the same as last week (120 hours in common)"),
        (compared(0.8, 1.3, 0.7, hours=1), "cannot tell against last week (1 hour in common)"),
        (Comparison(12, 1.5, None, 1.0), "cannot tell against last week (12 hours in common)"),
        (Comparison(0, None, None, 1.0), "cannot tell against last week (no hour in common)"),
    ],
)
def test_a_comparison_is_told_in_one_of_four_words(comparison: Comparison, text: str) -> None:
    assert alone(comparison).text("last week") == text
    assert alone(comparison).text().startswith(alone(comparison).word)


def test_an_arrow_points_only_where_a_change_is_told() -> None:
    assert [alone(each).change for each in (compared(1.2, 1.4), compared(0.2, 0.4), compared(0.99, 1.01))] == [1, -1, 0]


def test_the_other_side_is_told_the_opposite() -> None:
    back = alone(compared(1.25, 2)).reversed
    assert back.text("Chicago") == "fewer than Chicago: −50% to −20% (120 hours in common)"
    assert back.reversed.word is Word.MORE
    assert alone(compared(0.95, 1.05)).reversed.word is Word.SAME


def test_comparisons_of_one_page_are_judged_together() -> None:
    weak = compared(1.01, 1.4, p_value=0.03)
    assert alone(weak).word is Word.MORE
    assert {finding.word for finding in tell(dict.fromkeys(range(4), weak)).values()} == {Word.UNKNOWN}


def test_the_primary_comparison_needs_hardly_more_evidence_on_a_page_than_alone() -> None:
    weak, nothing = compared(1.01, 1.4, p_value=0.03), compared(0.8, 1.3, p_value=0.5)
    found = tell({"spells": weak, "average": weak, "gestures": nothing}, primary={"spells"})
    assert [finding.word for finding in found.values()] == [Word.MORE, Word.UNKNOWN, Word.UNKNOWN]


def test_what_else_changed_is_told_once_the_primary_change_is() -> None:
    strong, weak = compared(1.1, 1.4, p_value=0.0001), compared(1.01, 1.4, p_value=0.03)
    found = tell({"spells": strong, "average": weak, "gestures": weak}, primary={"spells"})
    assert [finding.word for finding in found.values()] == [Word.MORE, Word.UNKNOWN, Word.UNKNOWN]
    found = tell({"spells": strong, "average": weak}, primary={"spells"})
    assert [finding.word for finding in found.values()] == [Word.MORE, Word.MORE]


p_values = st.lists(st.floats(0, 1), min_size=1, max_size=6)


@given(p_values)
def test_equal_weights_give_the_procedure_of_holm(values: list[float]) -> None:
    count = len(values)
    ordered = sorted(values)
    expected = [
        max(min(1, (count - place) * each) for place, each in enumerate(ordered[: ordered.index(value) + 1]))
        for value in values
    ]
    assert holm(values, [1.0] * count) == pytest.approx(expected)


@given(p_values, st.data())
def test_an_adjusted_p_value_is_never_smaller_than_its_own(values: list[float], data: st.DataObject) -> None:
    weights = data.draw(st.lists(st.floats(0.01, 1), min_size=len(values), max_size=len(values)))
    adjusted = holm(values, weights)
    assert all(own <= each * (1 + 1e-9) and each <= 1 for own, each in zip(values, adjusted, strict=True))


def test_a_page_without_comparisons_has_no_verdicts() -> None:
    assert tell({}) == {}


@pytest.mark.parametrize(
    ("value", "word"), [(79, Normality.QUIETER), (80, Normality.USUAL), (120, Normality.USUAL), (121, Normality.BUSIER)]
)
def test_a_day_is_usual_within_its_band(value: float, word: Normality) -> None:
    assert judge_day(UsualRange(value, 100, Interval(80, 120), weeks=8)) is word
    assert judge_day(None) is Normality.EARLY
