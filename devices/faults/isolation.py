"""Work on many items of which one may fail: a fault costs its own item only, and is told."""

import logging
from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

from django.db import InterfaceError, OperationalError, connection

log = logging.getLogger(__name__)

Item = TypeVar("Item")
Result = TypeVar("Result")


def each(items: Iterable[Item], work: Callable[[Item], Result], *, what: str) -> Iterator[Result]:
    """Call `work` for each item, and yield what it returns. Faults are handled as in `step_by_step`."""
    return step_by_step(items, lambda item: [work(item)], what=what)


def step_by_step(items: Iterable[Item], work: Callable[[Item], Iterable[Result]], *, what: str) -> Iterator[Result]:
    """Call `work` for each item, and yield one after the other what it yields.

    If `work` raises an error, the error is logged as a failure of `what`, such as "removing old pictures of", and the
    next item follows. Raises the database's error if the database is away, because every other item would fail too.
    `work` opens its own transaction; this function must not be called inside one.
    """
    for item in items:
        try:
            yield from work(item)
        except Exception as error:
            if isinstance(error, (OperationalError, InterfaceError)) and not _is_database_there():
                raise
            log.exception("A fault stopped %s %s. The others are not affected.", what, item)


def _is_database_there() -> bool:
    return connection.connection is not None and connection.is_usable()
