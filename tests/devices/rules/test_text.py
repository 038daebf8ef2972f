"""A line of text that people enter is cleaned or refused, whichever way it comes, so that it spoils no output."""

from collections.abc import Callable

import pytest
from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from hypothesis import example, given
from hypothesis import strategies as st
from lxml import etree

from analytics.features.galaxy.serving.services import create_wall_token
from analytics.models import Question
from devices.models import Site
from devices.rules.text import MAX_LINE_OF_LOG, clean_line, printable, storable, validate_line
from devices.services import issue_api_token, register_device, register_site
from faces.services import create_person

BAD = ["a\x07", "a\u202eb", "a\ufeffb", "a\ufffe", "\ud800", "a\x00b"]


@given(st.text(st.characters(codec=None)))
@example("‘café’ 👩‍🔬")
def test_a_line_that_is_accepted_is_valid_in_xml_and_on_one_line(text: str) -> None:
    line = clean_line(text)
    try:
        validate_line(line)
    except ValidationError:
        assert printable(line) != line
        validate_line(printable(line))
        return
    assert printable(line) == line
    element = etree.Element("name")
    element.text = line
    assert etree.fromstring(etree.tostring(element)).text == (line or None)
    assert len(line.splitlines()) <= 1
    assert line == line.strip()


@pytest.mark.parametrize("name", ["日本橋", "Süd‑Lobby", "نمایشگاه\u200cها", "Café ☕ 👩‍🔬", "O'Neill & <Sons>"])
def test_names_of_all_languages_are_accepted(name: str) -> None:
    validate_line(clean_line(name))
    assert clean_line(name) == name


def test_spaces_and_accents_are_cleaned() -> None:
    assert clean_line("  Cafe\u0301 \t\n\x0b\u2028 Nord\u00a0") == "Caf\u00e9 Nord"


def test_a_line_of_log_keeps_its_lines_and_steers_no_terminal() -> None:
    assert storable("line 1\r\n\tline 2 \x1b[31mred\x07 \u202eover\x00") == "line 1\n\tline 2 �[31mred� �over�"
    assert storable("é日" * MAX_LINE_OF_LOG) == "é日" * (MAX_LINE_OF_LOG // 2)


@pytest.mark.django_db
@pytest.mark.parametrize("bad", BAD)
def test_every_service_refuses_what_cannot_be_printed(bad: str, seattle: Site, superuser: User) -> None:
    doors: list[Callable[[], object]] = [
        lambda: register_site(name=bad, slug="new", timezone="UTC"),
        lambda: register_device(site=seattle, name=bad, thing_name="new"),
        lambda: register_device(site=seattle, name="New", thing_name=bad),
        lambda: create_person(site=seattle, name=bad),
        lambda: create_person(site=seattle, name="Ada", line=bad),
        lambda: issue_api_token(user=superuser, name=bad),
        lambda: create_wall_token(name=bad, sites=[seattle], by=superuser),
        lambda: Question(site=seattle, text=bad).clean_fields(exclude=["asked_from", "asked_until"]),
    ]
    for door in doors:
        with pytest.raises(ValidationError):
            door()


@pytest.mark.django_db
def test_a_service_stores_the_cleaned_name(seattle: Site) -> None:
    assert create_person(site=seattle, name=" Ada  Love\u00a0lace ").name == "Ada Love lace"
    assert register_site(name="Cafe\u0301", slug="cafe", timezone="UTC").name == "Caf\u00e9"


@pytest.mark.django_db
@pytest.mark.parametrize("slug", ["all", "t", "T", "All"])
def test_a_slug_that_an_address_needs_is_refused(slug: str) -> None:
    with pytest.raises(ValidationError, match="is part of other addresses; choose another slug"):
        register_site(name="New", slug=slug, timezone="UTC")
