"""Tells an outage of the database from its other errors."""

from django.db import InterfaceError, OperationalError


def is_of_an_outage(error: BaseException | None) -> bool:
    """Whether this error, or one that caused it, says that there is no connection to the database.

    An SQLite file has no connection that could end.
    """
    while error is not None:
        if isinstance(error, (InterfaceError, OperationalError)):
            cause = error.__cause__
            state = getattr(cause, "sqlstate", None)
            # Without a state, libpq itself has failed. 08 is a broken connection, 57P a server that stops or starts.
            is_psycopg = type(cause).__module__.startswith("psycopg")
            return is_psycopg and (state is None or state.startswith(("08", "57P")))
        error = error.__cause__ or error.__context__
    return False
