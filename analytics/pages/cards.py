"""Cards that features add to the pages of a site and of a device, so that the pages import no feature."""

import datetime as dt
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from django.utils.safestring import SafeString, mark_safe

from analytics.numbers.periods import Period
from devices.models import Device

Place = Literal["below-readings", "below-plots"]
"""The place of a card on the page."""


@dataclass(frozen=True, slots=True)
class Subject:
    """The devices and the period of a page."""

    devices: Sequence[Device]
    """All devices that the site, or the spot of the device's page, has and had."""
    device: Device | None
    """The latest device of a device's page; None on the page of a site."""
    period: Period
    followed_from: Mapping[int, dt.datetime] | None = None
    """Since when each device follows people, by its primary key; None where that has not been read."""


Card = Callable[[Subject], str]
"""A function that returns the card's HTML, empty where the card has nothing to show."""

_cards: dict[Place, list[Card]] = defaultdict(list)


def register(place: Place, card: Card) -> None:
    """Add a card to every page of a site and of a device. To be called in `AppConfig.ready`."""
    if card not in _cards[place]:
        _cards[place].append(card)


def render_cards(place: Place, subject: Subject) -> SafeString:
    """Return the HTML of all cards of a place, in the order of their registration."""
    return mark_safe("\n".join(card(subject) for card in _cards[place]))  # noqa: S308 - templates have escaped the cards
