"""Databases of their own for tests that bring what an earlier version left up to date."""

import sqlite3
import uuid
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import psycopg
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from django.db.migrations.state import StateApps

Migrations = list[tuple[str, str]]


@contextmanager
def created(folder: Path, template: str = "") -> Iterator[str]:
    """Create a database that is empty or, with `template`, a copy of that one; yield its name, and drop it at the end.

    Nobody else may use the template meanwhile. A file of SQLite lies in the folder, and its name is its path.
    """
    connection.close()
    name = f"upgraded_{uuid.uuid4().hex}"
    if connection.vendor == "sqlite":
        path = folder / name
        if template:
            # SQLite copies what its other files hold, too. To open and close its file would end this process's locks.
            with closing(sqlite3.connect(template)) as source, closing(sqlite3.connect(path)) as copy:
                source.backup(copy)
        yield str(path)
        for file in folder.glob(f"{name}*"):
            file.unlink()
        return
    where = connection.settings_dict
    with psycopg.connect(host=where["HOST"], user=where["USER"], dbname="postgres", autocommit=True) as server:
        server.execute(f"CREATE DATABASE {name}" + (f" TEMPLATE {template}" if template else ""))
        try:
            yield name
        finally:
            server.execute(f"DROP DATABASE {name} WITH (FORCE)")


@contextmanager
def using(name: str) -> Iterator[None]:
    """Let the connection use this database, instead of the tests' own, until the block ends."""
    tests_own = connection.settings_dict["NAME"]
    connection.close()
    connection.settings_dict["NAME"] = name
    try:
        yield
    finally:
        connection.close()
        connection.settings_dict["NAME"] = tests_own


def migrate(target: Migrations | None = None) -> None:
    """Migrate to these migrations, or to the newest ones."""
    executor = MigrationExecutor(connection)
    executor.migrate(target or executor.loader.graph.leaf_nodes())


def models_at(target: Migrations) -> StateApps:
    """Return the models as they were after these migrations."""
    return MigrationExecutor(connection).loader.project_state(target).apps
