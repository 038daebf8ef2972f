"""What docs/scaling.md says of each table of the database."""

import re
from collections.abc import Iterator
from pathlib import Path

from django.apps import apps

PAGE = Path(__file__).parents[2] / "docs" / "scaling.md"
KINDS = ("distributed", "reference", "local")

TABLES_WITHOUT_MODELS = {"django_cache", "django_migrations"}


def listed() -> Iterator[tuple[str, str]]:
    """Yield each table that the page lists, with its kind. A table may come twice."""
    for kind in KINDS:
        found = re.search(rf"^- \*\*{kind}\*\*.*?:(.*?)(?=^- |^$|\Z)", PAGE.read_text(), re.DOTALL | re.MULTILINE)
        assert found, f"docs/scaling.md lists no {kind} tables."
        for table in re.findall(r"`(\w+)`", found[1]):
            yield table, kind


def tables_of(kind: str) -> set[str]:
    """Return the tables of this kind."""
    return {table for table, of in listed() if of == kind}


def all_tables() -> set[str]:
    """Return the tables of all models, and those without a model."""
    models = {model._meta.db_table for model in apps.get_models(include_auto_created=True)}
    return models | TABLES_WITHOUT_MODELS
