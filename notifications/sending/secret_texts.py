"""Encrypts what channels keep secret, with a key made from `SECRET_KEY`."""

import json

from cryptography.fernet import InvalidToken

from devices.storage.ciphers import cipher_for

Secrets = dict[str, str]


class Unreadable(Exception):
    """The secrets were encrypted with another `SECRET_KEY`."""


def encrypt(secrets: Secrets) -> str:
    return cipher_for("channels").encrypt(json.dumps(secrets).encode()).decode()


def decrypt(text: str) -> Secrets:
    """Return the secrets. Raises `Unreadable`."""
    try:
        found: Secrets = json.loads(cipher_for("channels").decrypt(text.encode()))
    except InvalidToken:
        raise Unreadable("Its address was stored with another SECRET_KEY: make the channel anew.") from None
    return found
