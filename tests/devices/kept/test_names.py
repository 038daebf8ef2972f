"""A name is found however somebody has spelled it, and nobody else's is."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devices.kept.names import ERASED, Spellings

words = st.text(st.characters(categories=["Lu", "Ll"], max_codepoint=0x24F), min_size=2, max_size=8)


@pytest.mark.parametrize(
    "text",
    [
        *("José Müller", "JOSÉ MÜLLER", "jose muller", "Jose Mueller", "Jose\u0301 Mu\u0308ller", "Müller, José"),
        *("J. Müller", "Mueller, J.", "jose_mueller", "josemueller", "José  -  Müller", "Jos%C3%A9+M%C3%BCller"),
        r"Jos\u00e9 M\u00fcller",
    ],
)
def test_a_name_is_found_in_each_spelling_and_the_rest_of_the_text_stays(text: str) -> None:
    names = Spellings("José Müller")
    assert names.are_in(f"hello {text}!")
    assert names.erased_from(f"hello {text}!").startswith(f"hello {ERASED}")
    assert not names.are_in(names.erased_from(f"hello {text}!"))


@pytest.mark.parametrize("text", ["José", "Müller", "Josemüllerin", "Maria Müller", "Jo Se", "x"])
def test_other_people_are_not_found(text: str) -> None:
    assert not Spellings("José Müller").are_in(text)


def test_one_word_is_found_as_a_word_only_and_guests_by_their_whole_number() -> None:
    assert Spellings("Ada").are_in("greeted ADA_1.jpg")
    assert not Spellings("Ada").are_in("Adam, Canada")
    assert not Spellings("Guest 1").are_in("Guest 12")


def test_scripts_without_spaces_have_no_words_to_end() -> None:
    assert Spellings("李明").are_in("你好李明早")


def test_a_name_is_erased_from_keys_and_values_of_json_and_found_in_bytes() -> None:
    names = Spellings("Ada")
    assert names.erased_from({"ada": ["Ada", 1, None]}) == {ERASED: [ERASED, 1, None]}
    assert names.are_in(b'{"name": "Ada"}\xff')
    assert names.are_in({"people": [{"name": "Ada"}]})


def test_a_name_without_a_letter_is_refused() -> None:
    with pytest.raises(ValueError, match="at least one letter"):
        Spellings("–")


@given(st.lists(words, min_size=1, max_size=3), st.sampled_from([" ", "_", "-", ", "]), words)
def test_a_name_is_found_in_any_case_and_gone_after_its_erasure(parts: list[str], between: str, other: str) -> None:
    names = Spellings(" ".join(parts))
    text = f"{other} | {between.join(parts)} | {between.join(parts).upper()}"
    assert names.are_in(text)
    assert not names.are_in(names.erased_from(text))
