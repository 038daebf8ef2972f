"""Runs several jobs concurrently on the test's database."""

import threading
from collections.abc import Callable

from django.db import connection


def together(*jobs: Callable[[], None]) -> None:
    """Run each job in its own thread and wait for all. Raises the first exception that a job raised."""
    failures: list[BaseException] = []

    def run(job: Callable[[], None]) -> None:
        try:
            job()
        except BaseException as failure:
            failures.append(failure)
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=[job]) for job in jobs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failures:
        raise failures[0]
