"""A constraint against rows that overlap in time, enforced by PostgreSQL and validated on every database."""

from collections.abc import Sequence
from typing import Any

from django.core.exceptions import ValidationError
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.models.constraints import BaseConstraint


class OneAtATime(BaseConstraint):
    """A constraint: rows with the same value in the field `of` must not overlap in time.

    A row lasts from its `start`, included, to its `end`, excluded.

    PostgreSQL enforces it with an exclusion constraint. SQLite has none, but runs one writing transaction at a time, so
    that calling `validate` within the transaction is enough.
    """

    def __init__(self, *, of: str, start: str, end: str, name: str, violation_error_message: str | None = None) -> None:
        super().__init__(name=name, violation_error_message=violation_error_message)
        self.of, self.start, self.end = of, start, end

    def constraint_sql(self, model: Any, schema_editor: BaseDatabaseSchemaEditor | None) -> str:
        if not _is_postgresql(schema_editor):
            return ""
        of, start, end = (_quoted(model._meta.get_field(name).column) for name in (self.of, self.start, self.end))
        # A range of one number stands for the number: without an extension only ranges have the index that this needs.
        return (
            f"CONSTRAINT {_quoted(self.name)} EXCLUDE USING gist"
            f" (int8range({of}, {of}, '[]') WITH &&, tstzrange({start}, {end}) WITH &&)"
        )

    def create_sql(self, model: Any, schema_editor: BaseDatabaseSchemaEditor | None) -> str:
        constraint = self.constraint_sql(model, schema_editor)
        return constraint and f"ALTER TABLE {_quoted(model._meta.db_table)} ADD {constraint}"

    def remove_sql(self, model: Any, schema_editor: BaseDatabaseSchemaEditor | None) -> str:
        if not _is_postgresql(schema_editor):
            return ""
        return f"ALTER TABLE {_quoted(model._meta.db_table)} DROP CONSTRAINT {_quoted(self.name)}"

    def validate(self, model: Any, instance: Any, exclude: Any = None, using: str | None = None) -> None:
        """Raise `ValidationError` if another row overlaps this one, unless a field of the constraint is excluded."""
        of, start, end = (getattr(instance, name) for name in (f"{self.of}_id", self.start, self.end))
        if {self.of, self.start, self.end} & set(exclude or ()) or None in (of, start, end):
            return
        overlapping = model._default_manager.using(using).filter(
            **{f"{self.of}_id": of, f"{self.start}__lt": end, f"{self.end}__gt": start}
        )
        if overlapping.exclude(pk=instance.pk).exists():
            raise ValidationError(self.get_violation_error_message(), code=self.violation_error_code)

    def deconstruct(self) -> tuple[str, Sequence[Any], dict[str, Any]]:
        path, arguments, named = super().deconstruct()
        return path, arguments, {**named, "of": self.of, "start": self.start, "end": self.end}

    def __eq__(self, other: object) -> bool:
        return isinstance(other, OneAtATime) and self.deconstruct() == other.deconstruct()

    def __hash__(self) -> int:
        return hash((self.name, self.of, self.start, self.end))


def _is_postgresql(schema_editor: BaseDatabaseSchemaEditor | None) -> bool:
    return schema_editor is not None and schema_editor.connection.vendor == "postgresql"


def _quoted(name: str) -> str:
    return f'"{name}"'
