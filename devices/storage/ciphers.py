"""Encrypts what is stored but must not be read from the database alone."""

import base64

from cryptography.fernet import Fernet
from django.conf import settings
from django.utils.crypto import salted_hmac


def cipher_for(purpose: str) -> Fernet:
    """Return the cipher of this purpose, with a key made from `SECRET_KEY`. Different purposes have different keys."""
    key = salted_hmac(f"headcount.{purpose}", b"", secret=settings.SECRET_KEY, algorithm="sha256").digest()
    return Fernet(base64.urlsafe_b64encode(key))
