"""Why msgspec refused a value, in words that need no knowledge of msgspec."""

from typing import Annotated, Any, Literal

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_agent import messages
from edge_agent.text import plain_words


class Inner(msgspec.Struct, forbid_unknown_fields=True):
    share: Annotated[float, msgspec.Meta(ge=0, le=60)] = 1.0
    name: Annotated[str, msgspec.Meta(max_length=3)] = ""
    kind: Literal["big", "small"] = "big"
    count: int | None = None


class Outer(msgspec.Struct):
    inner: list[Inner]


def refused(value: Any, kind: Any = Outer) -> msgspec.ValidationError:
    with pytest.raises(msgspec.ValidationError) as refusal:
        msgspec.convert(value, kind)
    return refusal.value


@pytest.mark.parametrize(
    ("inner", "told"),
    [
        ({"share": 61.5}, "“inner[0].share” must be a number of at most 60."),
        ({"share": -1}, "“inner[0].share” must be a number of at least 0."),
        ({"share": "much"}, "“inner[0].share” must be a number, not a text."),
        ({"name": "long"}, "“inner[0].name” must be a text of at most 3 characters."),
        ({"kind": "huge"}, "“inner[0].kind” must not be 'huge', which is none of the choices."),
        ({"count": "three"}, "“inner[0].count” must be a whole number, not a text."),
        ({"colour": 1}, "“inner[0]” has “colour”, which is not known here."),
    ],
)
def test_the_sentence_names_the_value_and_what_it_must_be(inner: dict[str, Any], told: str) -> None:
    assert plain_words.sentence(refused({"inner": [inner]})) == told


def test_what_is_missing_is_named() -> None:
    assert plain_words.sentence(refused({})) == "It lacks “inner”."
    assert plain_words.sentence(refused([], Inner)) == "It must be an object with named values, not a list."


@given(
    st.sampled_from(list(messages.KINDS.values())),
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
        lambda values: st.lists(values) | st.dictionaries(st.sampled_from(["frames", "id", "text", "at"]), values),
        max_leaves=6,
    ),
)
def test_no_error_of_a_message_speaks_msgspecs_language(kind: Any, value: Any) -> None:
    try:
        msgspec.convert(value, kind)
    except msgspec.ValidationError as error:
        told = plain_words.sentence(error)
        assert "`" not in told
        assert "Expected" not in told
        assert told.endswith(".")
