"""Finds the payloads in the body of a request with messages, byte for byte.

A payload that was decoded and encoded again would have lost its repeated keys, and its frames would have other keys
than those of the same message by MQTT.
"""

import json
import re

_SPACE = re.compile(r"[ \t\r\n]*")
_decoder = json.JSONDecoder()


def payloads_in(body: str) -> list[str]:
    """Return the text of each object's `payload` in this array of objects, which must be valid JSON.

    Raises `ValueError` for any other body, and for an object without a payload.
    """
    payloads = []
    at = _after("[", body, 0)
    while body[at : at + 1] != "]":
        payload, at = _payload(body, at)
        payloads.append(payload)
        at = _space(body, at)
        at = _after(",", body, at) if body[at : at + 1] == "," else at
    return payloads


def _payload(body: str, at: int) -> tuple[str, int]:
    """Return the text of the payload of the object that begins here, and where the object ends."""
    payload = None
    at = _after("{", body, at)
    while body[at : at + 1] != "}":
        key, at = _decoder.raw_decode(body, at)
        start = _after(":", body, at)
        at = _decoder.raw_decode(body, start)[1]
        if key == "payload":
            payload = body[start:at]
        at = _space(body, at)
        at = _after(",", body, at) if body[at : at + 1] == "," else at
    if payload is None:
        raise ValueError("A message has no payload.")
    return payload, at + 1


def _after(character: str, body: str, at: int) -> int:
    """Return the place of the next token after this character, which must be the next token."""
    at = _space(body, at)
    if body[at : at + 1] != character:
        raise ValueError(f"“{character}” is missing at character {at}.")
    return _space(body, at + 1)


def _space(body: str, at: int) -> int:
    match = _SPACE.match(body, at)
    return match.end() if match else at
