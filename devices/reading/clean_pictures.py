"""The pictures of messages as clean JPEGs, taken out of the budget of the device that sent them."""

import datetime as dt
from collections.abc import Sequence

from devices.models import Reason
from devices.reading.arrivals import Arrival
from devices.reading.picture_budget import budget_of, note_stored
from devices.reading.pictures import BadPicture, sanitised_jpeg
from devices.reading.rejection import Rejection
from edge_agent import messages


def received_jpeg(image_string: str, thing: str, arrival: Arrival) -> bytes:
    """Return the picture of a message of this thing as a clean JPEG. Raises `Rejection` and `OverBudget`."""
    return safe_jpeg(_bytes(image_string), thing, spending_at(arrival))


def _bytes(image_string: str) -> bytes:
    try:
        return messages.picture_bytes(image_string)
    except ValueError as error:
        raise Rejection(Reason.BAD_PICTURE, str(error)) from None


def spending_at(arrival: Arrival) -> dt.datetime | None:
    """Return when a picture takes from its device's budget; None for one that somebody replays or reads from a file."""
    return None if arrival.is_replayed or arrival.read_at is not None else arrival.received_at


def checked_looks(
    looks: Sequence[messages.Look], thing: str = "", now: dt.datetime | None = None
) -> tuple[tuple[int, bytes], ...]:
    """Return the looks with clean JPEGs, taken out of the budget of the thing if `now` is given. Raises `Rejection`.

    The budget refuses a message by its picture alone, not by a look beside it.
    """
    return tuple((look.face, safe_jpeg(_bytes(look.image_string), thing, now, may_refuse=False)) for look in looks)


def safe_jpeg(data: bytes, thing: str = "", now: dt.datetime | None = None, *, may_refuse: bool = True) -> bytes:
    """Return the picture as a clean JPEG, as `sanitised_jpeg` does.

    Takes it out of the budget of the thing, if `now` is given. Raises `Rejection` and `OverBudget`.
    """
    try:
        jpeg = sanitised_jpeg(data, None if now is None else budget_of(thing, now, may_refuse=may_refuse))
    except BadPicture as error:
        raise Rejection(Reason.BAD_PICTURE, str(error)) from None
    if now is not None:
        note_stored(thing, len(jpeg), now)
    return jpeg
