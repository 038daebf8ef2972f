"""Services with hosts of their own, reached through apprise: only those on this list."""

import logging

import apprise
from apprise.attachment.memory import AttachMemory
from django.core.exceptions import ValidationError

from notifications.rules.words import shorten, with_end
from notifications.sending.addresses import Failed

SCHEMES = ("slack", "tgram", "discord", "twitter")
"""The schemes of apprise whose hosts users cannot choose."""

NAMES = "slack://, tgram:// (Telegram), discord:// or twitter:// (X)"


def check_url(text: str) -> str:
    """Return the scheme of this address, which may be shown. Raises `ValidationError` for one that is not allowed."""
    scheme = text.partition("://")[0].lower()
    if scheme not in SCHEMES or _service(text) is None:
        raise ValidationError({"address": f"Give an address of apprise that begins with {NAMES}, with all its parts."})
    return scheme


def is_public(address: str) -> bool:
    """Whether what is sent there is for everybody to read."""
    return address.partition("://")[0].lower() == "twitter"


def send(address: str, subject: str, text: str, end: str = "", picture: bytes | None = None) -> None:
    """Send the text, cut to what the service takes, with the end below it, and the JPEG where it takes pictures.

    Raises `Failed`.
    """
    service = _service(address)
    if service is None:
        raise Failed("The address is not understood any more.")
    said: list[str] = []

    class Listener(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            said.append(record.getMessage())

    listener = Listener(logging.WARNING)
    logger = logging.getLogger("apprise")
    logger.addHandler(listener)
    try:
        title = shorten(subject, int(service.title_maxlen)) if service.title_maxlen else ""
        most = int(service.body_maxlen) - (len(title) + 2 if title else 0)
        body = with_end(text, end, max(most, len(end) + 20))
        sent = service.notify(body=body, title=title, attach=_attached(service, picture))
    except (OSError, TypeError, ValueError) as error:
        raise Failed(f"The service cannot be reached: {error}.") from None
    finally:
        logger.removeHandler(listener)
    if not sent:
        raise Failed(said[-1] if said else "The service did not take it, and gave no reason.")


def _attached(service: "apprise.NotifyBase", picture: bytes | None) -> apprise.AppriseAttachment | None:
    if picture is None or not service.attachment_support:
        return None
    attached = apprise.AppriseAttachment()
    memory = AttachMemory(content=picture, name="picture.jpg", mimetype="image/jpeg")  # type: ignore[no-untyped-call]
    attached.add(memory)
    return attached


def _service(address: str) -> "apprise.NotifyBase | None":
    return apprise.Apprise.instantiate(address, suppress_exceptions=True)
