"""Serves the platform of this process's environment with gunicorn, as `deploy/gunicorn.conf.py` says."""

import os
import time
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from benchmarks.tools.stand import process
from tests.programs.brokers import free_port

STARTS_WITHIN_S = 120.0


@contextmanager
def serving(workers: int = 2, environment: Mapping[str, str] | None = None) -> Iterator[str]:
    """Run gunicorn until the block ends, and yield its address. Raises `SystemExit` if it does not respond in time."""
    bind = f"127.0.0.1:{free_port()}"
    settings = {**(os.environ if environment is None else environment), "WEB_BIND": bind, "WEB_WORKERS": str(workers)}
    with process(["-m", "gunicorn", "--config", "deploy/gunicorn.conf.py", "--log-level", "error"], settings):
        deadline = time.monotonic() + STARTS_WITHIN_S
        while True:
            try:
                urllib.request.urlopen(f"http://{bind}/accounts/login/", timeout=10).close()
                break
            except OSError as error:
                if time.monotonic() > deadline:
                    raise SystemExit(f"The web server does not respond: {error}") from None
                time.sleep(0.2)
        yield f"http://{bind}"
