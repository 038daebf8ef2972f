"""Searches the registered tables for a person's name, and removes it."""

from collections.abc import Callable, Iterator
from typing import Any

from django.apps import apps
from django.db import IntegrityError, models, transaction
from django.db.models import Q, QuerySet

from devices.kept.names import Spellings
from devices.kept.register import Table, tables
from devices.models import Site

AT_ONCE = 500
"""Rows that are read at once, and changed in one transaction."""

Found = tuple[Table, Any, str]
"""A table, the key of one of its rows, and the column that names the person."""


def find_name(names: Spellings, *, site: Site) -> Iterator[Found]:
    """Yield each column of a row that names the person: of the site, and of tables that belong to no one site."""
    for table in tables():
        if table.searched:
            for row in _rows(table, site).values("pk", *table.searched).iterator(chunk_size=AT_ONCE):
                for column in table.searched:
                    if names.are_in(row[column]):
                        yield table, row["pk"], column


def count_named(names: Spellings, *, site: Site) -> tuple[int, int]:
    """Return in how many texts an erasure would replace the name, and how many rows it would delete for it."""
    texts, rows = 0, set()
    for table, key, column in find_name(names, site=site):
        texts += column in table.names
        if column in table.deleted:
            rows.add((table.model, key))
    return texts, len(rows)


def erase_name(names: Spellings, *, site: Site, note: Callable[[str, int], None]) -> None:
    """Replace the name wherever it may stand, and delete the rows that are the person's because they bear the name.

    Calls `note` with "texts" or "rows", and how many, in the transaction of each change.
    """
    for table in tables():
        for column in table.deleted:
            _delete_rows(table, column, names, site, note)
        for column in table.names:
            _replace(table, column, names, site, note)


def forget_number(number: int) -> None:
    """Empty the columns with this key of a person that are no foreign keys."""
    for table in tables():
        for column in table.numbers:
            _manager(table).filter(**{column: number}).update(**{column: None})


def _manager(table: Table) -> "models.Manager[Any]":
    return apps.get_model(table.model)._base_manager  # type: ignore[no-any-return]


def _rows(table: Table, site: Site) -> "QuerySet[Any]":
    """Return the rows of the site, and those of which no site is known, such as messages of unknown devices."""
    rows = _manager(table).order_by("pk")
    if not table.site:
        return rows
    of_site, first = Q(**{table.site: site}), table.site.partition("__")[0]
    if getattr(apps.get_model(table.model)._meta.get_field(first), "many_to_one", False) and first != table.site:
        of_site |= Q(**{first: None})
    return rows.filter(of_site)


def _naming(table: Table, column: str, names: Spellings, site: Site) -> Iterator[list[Any]]:
    """Yield lists of keys of the rows whose column names the person. The rows may be changed meanwhile."""
    keys: list[Any] = []
    for key, value in _rows(table, site).values_list("pk", column).iterator(chunk_size=AT_ONCE):
        if names.are_in(value):
            keys.append(key)
    for start in range(0, len(keys), AT_ONCE):
        yield keys[start : start + AT_ONCE]


def _delete_rows(table: Table, column: str, names: Spellings, site: Site, note: Callable[[str, int], None]) -> None:
    for keys in _naming(table, column, names, site):
        with transaction.atomic():
            for row in _manager(table).filter(pk__in=keys):
                row.delete()  # with its signals, which remove its file
            note("rows", len(keys))


def _replace(table: Table, column: str, names: Spellings, site: Site, note: Callable[[str, int], None]) -> None:
    for keys in _naming(table, column, names, site):
        with transaction.atomic():
            for key, value in _manager(table).filter(pk__in=keys).values_list("pk", column):
                erased = names.erased_from(value)
                try:
                    with transaction.atomic():
                        _manager(table).filter(pk=key).update(**{column: erased})
                except IntegrityError:  # the name made the row unique; its key does so, too
                    _manager(table).filter(pk=key).update(**{column: f"{erased} {key}"})
            note("texts", len(keys))
