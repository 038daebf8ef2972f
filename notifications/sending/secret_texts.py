"""Encrypts what channels keep secret, with a key made from `SECRET_KEY`."""

import base64
import json

from cryptography.fernet import Fernet, InvalidToken
from django.conf import settings
from django.utils.crypto import salted_hmac

Secrets = dict[str, str]


class Unreadable(Exception):
    """The secrets were encrypted with another `SECRET_KEY`."""


def encrypt(secrets: Secrets) -> str:
    return _cipher().encrypt(json.dumps(secrets).encode()).decode()


def decrypt(text: str) -> Secrets:
    """Return the secrets. Raises `Unreadable`."""
    try:
        found: Secrets = json.loads(_cipher().decrypt(text.encode()))
    except InvalidToken:
        raise Unreadable("Its address was stored with another SECRET_KEY: make the channel anew.") from None
    return found


def _cipher() -> Fernet:
    key = salted_hmac("headcount.channels", b"", secret=settings.SECRET_KEY, algorithm="sha256").digest()
    return Fernet(base64.urlsafe_b64encode(key))
