"""A constraint against rows that overlap in time, enforced by PostgreSQL and validated on every database."""

from collections.abc import Sequence
from typing import Any

from django.core.exceptions import ValidationError
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.models import Field, Q
from django.db.models.constraints import BaseConstraint

TEXTS = ("CharField", "SlugField", "TextField")


class OneAtATime(BaseConstraint):
    """A constraint: rows with the same values in the fields `of` must not overlap in time.

    A row lasts from its `start`, included, to its `end`, excluded. Where a nullable start or end is NULL, the row has
    no such limit.

    PostgreSQL enforces it with an exclusion constraint. SQLite has none, but runs one writing transaction at a time, so
    that calling `validate` within the transaction is enough.

    If the model has a method `say_overlapped`, that of the row which is in the way returns the sentence of the error.
    """

    def __init__(
        self, *, of: Sequence[str], start: str, end: str, name: str, violation_error_message: str | None = None
    ) -> None:
        super().__init__(name=name, violation_error_message=violation_error_message)
        self.of, self.start, self.end = tuple(of), start, end

    def constraint_sql(self, model: Any, schema_editor: BaseDatabaseSchemaEditor | None) -> str:
        if not _is_postgresql(schema_editor):
            return ""
        equal = ", ".join(f"{_point(model._meta.get_field(name))} WITH &&" for name in self.of)
        start, end = (_quoted(model._meta.get_field(name).column) for name in (self.start, self.end))
        return f"CONSTRAINT {_quoted(self.name)} EXCLUDE USING gist ({equal}, tstzrange({start}, {end}) WITH &&)"

    def create_sql(self, model: Any, schema_editor: BaseDatabaseSchemaEditor | None) -> str:
        constraint = self.constraint_sql(model, schema_editor)
        return constraint and f"ALTER TABLE {_quoted(model._meta.db_table)} ADD {constraint}"

    def remove_sql(self, model: Any, schema_editor: BaseDatabaseSchemaEditor | None) -> str:
        if not _is_postgresql(schema_editor):
            return ""
        return f"ALTER TABLE {_quoted(model._meta.db_table)} DROP CONSTRAINT {_quoted(self.name)}"

    def validate(self, model: Any, instance: Any, exclude: Any = None, using: str | None = None) -> None:
        """Raise `ValidationError` if another row overlaps this one.

        Nothing is checked while a field of the constraint is excluded, or has no value although it needs one.
        """
        fields = {name: model._meta.get_field(name) for name in (*self.of, self.start, self.end)}
        values = {name: getattr(instance, field.attname) for name, field in fields.items()}
        if set(fields) & set(exclude or ()) or any(
            values[name] is None and not field.null for name, field in fields.items()
        ):
            return
        others = model._default_manager.using(using).exclude(pk=instance.pk)
        others = others.filter(**{fields[name].attname: values[name] for name in self.of})
        start, end = values[self.start], values[self.end]
        if end is not None:
            others = others.filter(Q(**{f"{self.start}__lt": end}) | Q(**{self.start: None}))
        if start is not None:
            others = others.filter(Q(**{f"{self.end}__gt": start}) | Q(**{self.end: None}))
        if other := others.first():
            say = getattr(other, "say_overlapped", self.get_violation_error_message)
            raise ValidationError(say(), code=self.violation_error_code)

    def deconstruct(self) -> tuple[str, Sequence[Any], dict[str, Any]]:
        path, arguments, named = super().deconstruct()
        return path, arguments, {**named, "of": self.of, "start": self.start, "end": self.end}

    def __eq__(self, other: object) -> bool:
        return isinstance(other, OneAtATime) and self.deconstruct() == other.deconstruct()

    def __hash__(self) -> int:
        return hash((self.name, self.of, self.start, self.end))


def _point(field: Field[Any, Any]) -> str:
    """Return a range that contains the value of the field alone.

    Without an extension of PostgreSQL, only ranges have the index that the constraint needs. A hash of 63 bits stands
    for a text.
    """
    column = _quoted(str(field.column))
    number = f"(hashtextextended({column}, 0) >> 1)" if _type_of(field) in TEXTS else column
    return f"int8range({number}, {number}, '[]')"


def _type_of(field: Any) -> str:
    return str(field.target_field.get_internal_type() if field.is_relation else field.get_internal_type())


def _is_postgresql(schema_editor: BaseDatabaseSchemaEditor | None) -> bool:
    return schema_editor is not None and schema_editor.connection.vendor == "postgresql"


def _quoted(name: str) -> str:
    return f'"{name}"'
