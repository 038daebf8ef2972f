"""What the processes report of themselves: log lines, errors to Sentry, and traces to an OpenTelemetry collector."""

import logging
import threading
import time
from collections.abc import Callable
from typing import Any


class OneLinePerOutage(logging.Filter):
    """Turns the errors of an outage of the database into one line when it goes, and one when it is back.

    Each process has its own outages. An error is one of an outage if Django raised it because there is no connection;
    other errors of the database are shown whole, as ever.
    """

    def __init__(self, *, monotonic: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._since: float | None = None
        self._hidden = 0

    def filter(self, record: logging.LogRecord) -> bool:
        error = record.exc_info[1] if record.exc_info else None
        if not _is_of_an_outage(error):
            return True
        with self._lock:
            if self._since is not None:
                self._hidden += 1
                return False
            self._since = self._monotonic()
        reason = " ".join(str(error).split())
        record.msg, record.args = f"The database cannot be reached ({reason}). It is tried again until it is back.", ()
        record.exc_info = record.exc_text = None
        return True

    def connected(self, **_: Any) -> None:
        """Log that the database is back, if it was away; a receiver of Django's signal `connection_created`."""
        with self._lock:
            since, hidden = self._since, self._hidden
            self._since, self._hidden = None, 0
        if since is not None:
            logging.getLogger("headcount").warning(
                "The database is back after %.0f s; %d further errors of its outage are not shown.",
                self._monotonic() - since,
                hidden,
            )


def _is_of_an_outage(error: BaseException | None) -> bool:
    """Whether this error, or one that caused it, says that there is no connection to the database."""
    from django.db import InterfaceError, OperationalError

    while error is not None:
        if isinstance(error, (InterfaceError, OperationalError)):
            state = getattr(error.__cause__, "sqlstate", None)
            # Without a state, libpq itself has failed. 08 is a broken connection, 57P a server that stops or starts.
            return type(error.__cause__).__module__.startswith("psycopg") and (
                state is None or state.startswith(("08", "57P"))
            )
        error = error.__cause__ or error.__context__
    return False


def logging_settings(*, level: str, form: str) -> dict[str, Any]:
    """Return Django's LOGGING: all lines to standard error, as text or as JSON objects."""
    formatters: dict[str, Any] = {
        "text": {"format": "%(asctime)s %(levelname)s %(name)s: %(message)s"},
        "json": {
            "()": "pythonjsonlogger.json.JsonFormatter",
            "format": "%(asctime)s %(levelname)s %(name)s %(message)s %(process)d",
            "rename_fields": {"asctime": "time", "levelname": "level", "name": "logger"},
            "timestamp": False,
        },
    }
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "filters": {"outages": {"()": outages}},
        "formatters": formatters,
        "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": form, "filters": ["outages"]}},
        "root": {"handlers": ["stderr"], "level": level},
        # Otherwise each task is three lines, twenty a minute on an idle platform. Errors are lines as ever.
        "loggers": {"django-q": {"level": level if level == "DEBUG" else "WARNING"}},
    }


_outages = OneLinePerOutage()


def outages() -> OneLinePerOutage:
    """Return this process' filter, which hears of each new connection to the database."""
    from django.db.backends.signals import connection_created

    connection_created.connect(_outages.connected, dispatch_uid="outages")
    return _outages


def report_errors(*, dsn: str, release: str) -> None:
    """Send errors to Sentry from now on: neither bodies nor variables of requests, which may hold people's pictures."""
    import sentry_sdk

    sentry_sdk.init(
        dsn=dsn,
        release=release,
        send_default_pii=False,
        max_request_body_size="never",
        include_local_variables=False,
        traces_sample_rate=0.0,
    )


def trace(*, release: str) -> None:
    """Send a trace of each request to the OpenTelemetry collector that the standard variables (OTEL_…) name."""
    from opentelemetry import trace as api
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.instrumentation.django import DjangoInstrumentor
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    provider = TracerProvider(resource=Resource.create({"service.name": "headcount", "service.version": release}))
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    api.set_tracer_provider(provider)
    DjangoInstrumentor().instrument()
