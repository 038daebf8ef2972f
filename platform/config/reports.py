"""What the processes report of themselves: log lines, errors to Sentry, and traces to an OpenTelemetry collector."""

import logging
import threading
import time
from collections.abc import Callable
from typing import Any

BACK_AFTER_S = 5.0
"""For so long no error of the outage must follow a connection, before the database counts as back: a pooler accepts
connections while the database behind it is away."""


class OneLinePerOutage(logging.Filter):
    """Turns the errors of an outage of the database into one line when it goes, and one when it is back.

    Each process has its own outages. An error is one of an outage if Django raised it because there is no connection;
    other errors of the database are shown whole, as ever. `later` calls a function after some seconds.
    """

    def __init__(
        self,
        *,
        monotonic: Callable[[], float] = time.monotonic,
        later: "Callable[[float, Callable[[], None]], object] | None" = None,
    ) -> None:
        super().__init__()
        self._monotonic = monotonic
        self._later = later or _call_later
        self._lock = threading.Lock()
        self._since: float | None = None
        self._latest = 0.0
        self._hidden = 0
        self._is_checked = False

    def filter(self, record: logging.LogRecord) -> bool:
        if not record.exc_info:
            return True
        # Here, because Django must read its settings, and with them this module, before it is used.
        from devices.faults.outages import is_of_an_outage

        error = record.exc_info[1]
        if not is_of_an_outage(error):
            return True
        with self._lock:
            self._latest = self._monotonic()
            if self._since is not None:
                self._hidden += 1
                return False
            self._since = self._latest
        reason = " ".join(str(error).split())
        record.msg, record.args = f"The database cannot be reached ({reason}). It is tried again until it is back.", ()
        record.exc_info = record.exc_text = None
        return True

    def connected(self, **_: Any) -> None:
        """Find out soon whether the database is back, if it was away; a receiver of Django's `connection_created`."""
        with self._lock:
            if self._since is None or self._is_checked:
                return
            self._is_checked = True
        self._later(BACK_AFTER_S, self._check)

    def _check(self) -> None:
        """Log that the database is back, unless an error has followed the connection; then the next one counts."""
        with self._lock:
            self._is_checked = False
            if self._since is None or self._monotonic() - self._latest < BACK_AFTER_S:
                return
            lasted, hidden = self._latest - self._since, self._hidden
            self._since, self._hidden = None, 0
        logging.getLogger("headcount").warning(
            "The database is back. It was away for %.0f s; %d further errors of its outage are not shown.",
            lasted,
            hidden,
        )


def _call_later(seconds: float, work: Callable[[], None]) -> None:
    timer = threading.Timer(seconds, work)
    timer.daemon = True
    timer.start()


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
        "filters": {"outages": {"()": outages}, "routes": {"()": RoutesOnly}},
        "formatters": formatters,
        "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": form, "filters": ["outages", "routes"]}},
        "root": {"handlers": ["stderr"], "level": level},
        "loggers": {
            # Otherwise each task is three lines, twenty a minute on an idle platform. Errors are lines as ever.
            "django-q": {"level": level if level == "DEBUG" else "WARNING"},
            # It warns of what it could not clean up after an error, which is raised in any case.
            "psycopg": {"level": level if level == "DEBUG" else "ERROR"},
            "django": {"handlers": []},  # with DEBUG, Django would write each line a second time
        },
    }


class RoutesOnly(logging.Filter):
    """Shows of a request the route that it took, not its address: somebody may have written a name or a code there."""

    def filter(self, record: logging.LogRecord) -> bool:
        request = record.__dict__.pop("request", None)  # a line of JSON would show it whole
        path = getattr(request, "path", None)
        if path and isinstance(record.args, tuple):
            match = getattr(request, "resolver_match", None)
            route = f"/{match.route}" if match else "an address that no page has"
            record.args = tuple(route if part == path else part for part in record.args)
        return True


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
