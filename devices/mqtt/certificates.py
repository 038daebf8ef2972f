"""When the certificates of a connection to the broker expire."""

import ssl
from contextlib import suppress
from pathlib import Path

from cryptography import x509
from django.conf import settings


def certificates_end(socket: object) -> float | None:
    """Return when the first certificate of this connection expires, in seconds of the epoch; None without TLS."""
    if not isinstance(socket, ssl.SSLSocket):
        return None
    theirs = socket.getpeercert() or {}
    ends: list[float] = [ssl.cert_time_to_seconds(str(theirs["notAfter"]))] if "notAfter" in theirs else []
    if settings.MQTT_CERT_FILE:
        # Whoever replaces the file at this moment must not end the network thread.
        with suppress(OSError, ValueError):
            ours = x509.load_pem_x509_certificate(Path(settings.MQTT_CERT_FILE).read_bytes())
            ends.append(ours.not_valid_after_utc.timestamp())
    return min(ends, default=None)
