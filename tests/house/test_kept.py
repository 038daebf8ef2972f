"""Each table says what it keeps about people, and docs/people.md lists it."""

from pathlib import Path

from django.apps import apps

from devices.kept.register import NOTHING, gaps, places, tables
from faces.models import Person

PAGE = Path(__file__).parents[2] / "docs" / "people.md"


def test_each_table_and_each_column_of_text_says_what_it_keeps_about_people() -> None:
    assert not list(gaps()), "\n".join(gaps())


def test_each_table_that_refers_to_a_person_keeps_something_about_people() -> None:
    for table in tables():
        fields = apps.get_model(table.model)._meta.get_fields()
        refers = [
            field.name for field in fields if getattr(field, "many_to_one", False) and field.related_model is Person
        ]
        assert not refers or table.keeps != NOTHING, table.model


def test_the_rows_of_each_registered_site_can_be_found() -> None:
    for table in tables():
        if table.site:
            assert str(apps.get_model(table.model)._base_manager.filter(**{table.site: 1}).query), table.model


def test_the_documentation_lists_every_place_that_keeps_something_about_people() -> None:
    text = PAGE.read_text(encoding="utf-8")
    lines = {line.strip() for line in text.splitlines()}
    kept = [(f"`{table.model}`", table.keeps, table.ends) for table in tables() if table.keeps != NOTHING]
    wanted = [
        f"| {' | '.join(row)} |" for row in (*kept, *((place.name, place.keeps, place.ends) for place in places()))
    ]
    missing = [row for row in wanted if row not in lines]
    assert not missing, "docs/people.md lacks these rows:\n" + "\n".join(missing)
