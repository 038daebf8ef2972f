"""Statements that may have very many values, for which Django's own cursors are not made."""

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from functools import lru_cache
from typing import Any

import psycopg
from django.db import DatabaseError, InterfaceError, connection, transaction
from django.db.backends.postgresql.base import ServerBindingCursor

CACHED_STATEMENTS = 64
"""Statements for SQLite whose translation is cached: two for each table, and some with fewer rows."""


def execute(statement: str, values: Sequence[Any]) -> None:
    """Execute a statement, and read none of its rows. Within `pipelined` it may fail later."""
    with _cursor() as cursor:
        cursor.execute(statement, values)


def select(statement: str, values: Sequence[Any]) -> list[tuple[Any, ...]]:
    """Execute a statement, and return the rows that it selects."""
    with _cursor() as cursor:
        cursor.execute(statement, values)
        rows: list[tuple[Any, ...]] = cursor.fetchall()
        return rows


@contextmanager
def pipelined() -> Iterator[None]:
    """Have PostgreSQL work on one statement while the next is prepared; wait only where rows are read.

    A statement's error is raised by a later statement, at the latest at the end of the block. In the block, what may
    fail stands in an `attempt`. Django's ORM may read, insert and delete there, but not update: it would ask at once
    how many rows a statement has changed.
    """
    if not on_postgresql() or _pipeline.get() is not None:
        yield
        return
    connection.ensure_connection()
    with connection.wrap_database_errors, connection.connection.pipeline() as pipeline:
        token = _pipeline.set(pipeline)
        try:
            yield
        except BaseException:
            _resume()
            raise
        finally:
            _pipeline.reset(token)


@contextmanager
def attempt() -> Iterator[None]:
    """If a statement of the block fails, the transaction is afterwards as it was before the block.

    The error is raised in the block or at its end.
    """
    with transaction.atomic():
        try:
            yield
            if _pipeline.get():
                _await_all()
        except DatabaseError:
            _resume()
            raise


_pipeline: ContextVar[Any] = ContextVar("pipeline", default=None)


def _await_all() -> None:
    """Wait for all statements that were sent. Raises the error of the first that failed."""
    # To read rows sends what is left of a large statement. psycopg's `sync` does not, and would wait for ever.
    select("SELECT 1", [])


def _resume() -> None:
    """After an error in a pipeline PostgreSQL ignores every statement, until it is told to go on."""
    if pipeline := _pipeline.get():
        with suppress(DatabaseError, InterfaceError):
            _await_all()
        with suppress(psycopg.Error):
            pipeline.sync()


def on_postgresql() -> bool:
    return connection.vendor == "postgresql"


def _cursor() -> Any:
    """Return a cursor that, on PostgreSQL, sends the values apart from the statement.

    Otherwise PostgreSQL would write all rows of a batch into its log together with a failed statement.
    """
    connection.ensure_connection()
    of_database = ServerBindingCursor if on_postgresql() else _SqliteCursor
    return connection._prepare_cursor(of_database(connection.connection))  # type: ignore[attr-defined,call-arg]


class _SqliteCursor(sqlite3.Cursor):
    """Translates each statement once. Django's cursor takes a quarter of an insert's time to translate it again."""

    def execute(self, statement: str, values: Any = ()) -> Any:
        return super().execute(_with_question_marks(statement), values)


@lru_cache(CACHED_STATEMENTS)
def _with_question_marks(statement: str) -> str:
    return statement.replace("%s", "?")
