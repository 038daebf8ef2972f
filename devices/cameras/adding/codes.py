"""Claim codes: what a person copies to a box so that the box can fetch its credentials.

A code has a handle, by which the claim is found, and a proof, which follows from the handle, the time of the claim and
`SECRET_KEY`. So the database holds nothing with which somebody could claim a box.
"""

import datetime as dt
import secrets

from django.utils.crypto import constant_time_compare, salted_hmac

ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
"""Crockford's base 32: a person who copies a code may take I and L for 1, and O for 0."""

HANDLE = 4
PROOF = 8
"""Characters; 40 bits, of which a guesser sees at most `MOST_FAILED_ATTEMPTS` for each handle."""

LASTS = dt.timedelta(hours=1)
"""Long enough to walk to the box; a command that is left in a shell's history is of no use tomorrow."""

MOST_FAILED_ATTEMPTS = 5

_ALIKE = str.maketrans({"I": "1", "L": "1", "O": "0", "-": None, " ": None})


def new_handle() -> str:
    return "".join(secrets.choice(ALPHABET) for _ in range(HANDLE))


def code_of(handle: str, created_at: dt.datetime) -> str:
    """Return the code of the claim with this handle, as people read it: three groups of four characters."""
    code = handle + _proof(handle, created_at)
    return "-".join(code[start : start + 4] for start in range(0, len(code), 4))


def handle_of(code: str) -> str:
    """Return the handle in what somebody typed; "" if that cannot be a code."""
    typed = normalised(code)
    return typed[:HANDLE] if len(typed) == HANDLE + PROOF and set(typed) <= set(ALPHABET) else ""


def proves(code: str, handle: str, created_at: dt.datetime) -> bool:
    """Whether this is the code of the claim with this handle."""
    return constant_time_compare(normalised(code), handle + _proof(handle, created_at))


def normalised(code: str) -> str:
    return code.upper().translate(_ALIKE)


def _proof(handle: str, created_at: dt.datetime) -> str:
    text = f"{handle} {round(created_at.timestamp() * 1_000)}"
    number = int.from_bytes(salted_hmac("devices.cameras.adding.codes", text, algorithm="sha256").digest())
    letters = []
    for _ in range(PROOF):
        number, place = divmod(number, len(ALPHABET))
        letters.append(ALPHABET[place])
    return "".join(letters)
