"""The register of all places that keep something about people. An app registers its own in `AppConfig.ready()`.

People are those whom cameras see. What is kept about users is in the register too, and is no part of an erasure.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from django.apps import apps
from django.db import models

TEXT_TYPES = (
    *("CharField", "TextField", "JSONField", "BinaryField", "FileField", "FilePathField"),
    *("EmailField", "SlugField", "URLField", "GenericIPAddressField"),
)
"""Django's types of columns that could hold a name, a face or a picture."""

NOTHING = "nothing about people"


@dataclass(frozen=True, slots=True)
class Table:
    """A table, and what of it is about people. Each of its columns of text is in one of the groups."""

    model: str
    """The label of the model, such as “devices.DeviceLog”."""
    keeps: str = NOTHING
    """What the table keeps about people, as the end of a sentence that begins “It keeps”."""
    ends: str = ""
    """What an erasure does to it, and when it goes without one."""
    own: tuple[str, ...] = ()
    """Columns about one person, which the steps of an erasure empty or delete with their rows."""
    names: tuple[str, ...] = ()
    """Columns of free text in which a name may stand. An erasure replaces the name there."""
    deleted: tuple[str, ...] = ()
    """Columns of which an erasure deletes each row that names the person."""
    other: tuple[str, ...] = ()
    """Columns of text that say nothing about people: codes, hashes, measurements, names of places and things."""
    numbers: tuple[str, ...] = ()
    """Columns with the key of a person that are no foreign keys. An erasure empties them."""
    site: str = ""
    """The path to the site of a row; empty: the rows belong to no one site, and all of them are searched. A row whose
    first step is empty, such as a message of an unknown device, is searched as well."""

    @property
    def searched(self) -> tuple[str, ...]:
        """The columns in which nothing may be left of somebody who was erased."""
        return (*self.own, *self.names, *self.deleted)


@dataclass(frozen=True, slots=True)
class Place:
    """A place outside of the tables: a folder, a cache, another system."""

    name: str
    keeps: str
    ends: str
    folder: str = ""
    """The folder in the storage of pictures, such as “captures”; empty for a place elsewhere."""


_tables: dict[str, Table] = {}
_places: dict[str, Place] = {}


def register_kept(*entries: Table | Place) -> None:
    """Add these places to the register. A later entry replaces an earlier one of the same model or name."""
    for entry in entries:
        if isinstance(entry, Table):
            _tables[entry.model] = entry
        else:
            _places[entry.name] = entry


def tables() -> list[Table]:
    """Return the registered tables by the labels of their models."""
    return [_tables[label] for label in sorted(_tables)]


def places() -> list[Place]:
    """Return the registered places outside of the tables by name."""
    return [_places[name] for name in sorted(_places)]


def columns_of_text(model: type[models.Model]) -> set[str]:
    """Return the columns of the model that could hold a name, a face or a picture; those with choices cannot."""
    return {
        field.name
        for field in model._meta.concrete_fields
        if not field.choices and not field.is_relation and field.get_internal_type() in TEXT_TYPES
    }


def gaps() -> Iterable[str]:
    """Yield a sentence for each model and column that the register does not know, and for each that is gone."""
    known = {model._meta.label: model for model in apps.get_models(include_auto_created=True)}
    for label in sorted(known.keys() - _tables.keys()):
        columns = ", ".join(sorted(columns_of_text(known[label]))) or "none"
        yield f"{label} does not say what it keeps about people: add a Table to its app's kept.py (text: {columns})."
    for label in sorted(_tables.keys() - known.keys()):
        yield f"{label} is in the register, but there is no such model: remove its Table."
    for label in sorted(known.keys() & _tables.keys()):
        table = _tables[label]
        said = (*table.searched, *table.other)
        actual = columns_of_text(known[label])
        for column in sorted(actual - set(said)):
            yield f"{label}.{column} is text, and its Table does not say whether it can hold something about people."
        for column in sorted(set(said) - actual):
            yield f"{label}.{column} is in the register, but is no column of text."
        if len(said) != len(set(said)):
            yield f"The Table of {label} names a column twice."
        if table.searched and table.keeps == NOTHING:
            yield f"The Table of {label} has columns about people, but does not say what they keep."
        if table.keeps != NOTHING and not table.ends:
            yield f"The Table of {label} does not say when what it keeps ends."
